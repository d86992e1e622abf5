"""Find the installed methods and run them in a worker process."""

from marview.mar.discovery import Listing, discover, find, find_usable
from marview.mar.manifest import OUTPUTS, Manifest, read_manifest
from marview.mar.messages import (
    CaseDone,
    CasesRequest,
    Message,
    Note,
    Output,
    Progress,
    ReduceRequest,
    SinogramRequest,
    SliceDone,
    TraceRequest,
)
from marview.mar.request import device_named, metal_of, reduce_request
from marview.mar.run import Outcome, Run
from marview.mar.runner import MarWorker
from marview.mar.shared import SharedArray

__all__ = [
    "OUTPUTS",
    "CaseDone",
    "CasesRequest",
    "Listing",
    "Manifest",
    "MarWorker",
    "Message",
    "Note",
    "Outcome",
    "Output",
    "Progress",
    "ReduceRequest",
    "Run",
    "SharedArray",
    "SinogramRequest",
    "SliceDone",
    "TraceRequest",
    "device_named",
    "discover",
    "find",
    "find_usable",
    "metal_of",
    "read_manifest",
    "reduce_request",
]
