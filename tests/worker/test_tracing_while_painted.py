"""The window, another process, paints the mask while the worker reads it."""

import json
import subprocess
import sys

import numpy as np

from marview.geometry import processing_beam
from marview.mar import SharedArray, TraceRequest
from marview.worker.tracing import mark_trace

PAINT = """
import json, sys
from marview.mar.shared import SharedArray
mask = SharedArray.open(json.loads(sys.argv[1]), is_writable=True).array
print("ready", flush=True)
while True:
    mask[0, 200:330, 200:330] ^= True
"""


def test_a_mask_may_change_while_its_trace_is_marked() -> None:
    beam = processing_beam(1.0)
    with (
        SharedArray.create((1, 512, 512), np.bool_) as mask,
        SharedArray.create((beam.views, beam.bins), np.bool_) as trace,
        subprocess.Popen(
            [sys.executable, "-c", PAINT, json.dumps(mask.description)], stdout=subprocess.PIPE
        ) as painter,
    ):
        painter.stdout.readline()
        try:
            request = TraceRequest(mask=mask, spacing_mm=(1.0, 0.7, 0.7), slice_index=0, trace=trace)
            for _ in range(40):
                mark_trace(request)
        finally:
            painter.kill()
