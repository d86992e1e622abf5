"""Prepare a method for a run: load it, check its parameters and weights, and choose its device."""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel

from marview.mar.messages import CasesRequest, CheckRequest, ReduceRequest
from marview.worker.devices import choose_device
from marview.worker.loading import LoadedMethod, load_method


@dataclass(frozen=True)
class Prepared:
    """A method that is ready to run, with its parameters and its device."""

    loaded: LoadedMethod
    parameters: BaseModel
    device: torch.device


def prepare(request: ReduceRequest | CasesRequest | CheckRequest) -> Prepared:
    """Prepare the method of a request; used by runs and dry runs, so that both raise the same errors.

    Raises:
        UsageError: the method does not accept the parameters or the device.
        MethodFailed: the code cannot be loaded, or the weights are missing or damaged.
    """
    loaded = load_method(Path(request.folder))
    parameters = loaded.parameters(dict(request.parameters))
    device = torch.device("cpu") if request.device is None else choose_device(request.device, loaded.manifest)
    loaded.check_weights()
    return Prepared(loaded, parameters, device)
