"""Weights files in safetensors format, with the keys of the module's `state_dict` and metadata.

Metadata: method, version, network (network settings as JSON), protocols (as JSON), steps, minutes, seed, and limits
(the limits that `marview.learning.guard` uses, as JSON).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from marview.errors import BadInput, MethodFailed
from marview.export import whole_file
from marview.worker.loading import Weights


@dataclass(frozen=True)
class About:
    """Metadata of a weights file.

    Attributes:
        method: id of the method.
        version: version of the method.
        network: settings of the method's network.
        protocols: protocols used for training.
        steps: number of training steps.
        minutes: duration of the training.
        seed: seed of the training.
        limits: lower and upper limit of each quantity that `marview.learning.guard` measured in the training data,
            by name.
    """

    method: str
    version: str
    network: Mapping[str, Any]
    protocols: tuple[str, ...]
    steps: int = 0
    minutes: float = 0.0
    seed: int = 0
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, str]:
        """Return the metadata as text, keyed by name."""
        return {
            "method": self.method,
            "version": self.version,
            "network": json.dumps(dict(self.network)),
            "protocols": json.dumps(list(self.protocols)),
            "steps": str(self.steps),
            "minutes": f"{self.minutes:.2f}",
            "seed": str(self.seed),
            "limits": json.dumps({name: list(ends) for name, ends in self.limits.items()}),
        }


DAMAGED_FACTS = (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""Exceptions raised when the metadata of a weights file is wrong or damaged."""


def about(metadata: Mapping[str, str], file: str = "the weights") -> About:
    """Parse the metadata of a weights file.

    Args:
        metadata: metadata of a weights file, from `Job.about_weights`.
        file: name of the file, for messages.

    Raises:
        BadInput: a required entry is missing or damaged.
    """
    try:
        return About(
            metadata["method"],
            metadata["version"],
            json.loads(metadata["network"]),
            tuple(json.loads(metadata["protocols"])),
            int(metadata["steps"]),
            float(metadata["minutes"]),
            int(metadata["seed"]),
            {name: (low, high) for name, (low, high) in json.loads(metadata.get("limits", "{}")).items()},
        )
    except DAMAGED_FACTS as error:
        sentence = f"{file} does not describe its network ({error}). Use a file that marview train wrote."
        raise BadInput(sentence) from error


def save_weights(path: Path, weights: Mapping[str, Tensor], of: About, dtype: torch.dtype = torch.float16) -> None:
    """Write a weights file; an incomplete file never replaces an earlier one.

    Args:
        path: path, NAME.safetensors.
        weights: a `state_dict`.
        of: metadata of the file.
        dtype: floating-point type of the weights in the file.

    Raises:
        CannotWrite: the disk is full or read-only.
        MethodFailed: a weight is not finite, or too large for `dtype`.
    """
    kept = rounded(path, weights, dtype)
    with whole_file(path) as part:
        write_tensors(part, kept, of.as_metadata())


def rounded(path: Path, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float16) -> dict[str, Tensor]:
    """Convert weights to the types of the file, so that an error is raised before anything is written.

    Args:
        path: path of the file, for messages.
        weights: a `state_dict`.
        dtype: floating-point type of the weights in the file.

    Raises:
        MethodFailed: a weight is not finite, or too large for `dtype`.
    """
    return {name: _kept(path, name, tensor, dtype) for name, tensor in weights.items()}


def write_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write a safetensors file with Python's file functions, because safetensors raises no OSError on a full disk."""
    path.write_bytes(save(tensors, metadata=facts))


def load_weights(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], About]:
    """Read a weights file; return its tensors as float32, and its metadata.

    Raises:
        BadInput: the file is not a readable weights file of marview.
    """
    tensors, metadata = read_tensors(path, device)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}, about(
        metadata, str(path)
    )


def fill(network: nn.Module, weights: Mapping[str, Tensor], file: str) -> nn.Module:
    """Load weights into a network, and return it.

    Args:
        network: network built with the settings in the file.
        weights: tensors of any floating-point type.
        file: name of the file, for messages; empty to use the name stored with the weights.

    Raises:
        MethodFailed: the name or shape of a tensor does not match the network.
    """
    file = str(weights.path) if isinstance(weights, Weights) else file
    if differs := difference(network, weights):
        raise MethodFailed(
            f"The weights in {file} are for a different network: {differs}. Train the network again, or install "
            "the method again."
        )
    wanted = network.state_dict()
    network.load_state_dict({name: tensor.to(wanted[name].dtype) for name, tensor in weights.items()})
    return network


def difference(network: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Describe the first tensor whose name or shape does not match the network; empty if all match."""
    wanted = network.state_dict()
    if unmatched := sorted(set(wanted) ^ set(weights)):
        return f"{unmatched[0]} is {'missing' if unmatched[0] in wanted else 'unknown'}"
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            return f"{name} is {tuple(tensor.shape)}, but the network needs {tuple(wanted[name].shape)}"
    return ""


def read_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a safetensors file, without converting the tensors.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except Exception as error:
        raise BadInput(f"{path} cannot be read as weights: {error}. Copy the whole file again.") from error


def _kept(path: Path, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    kept = tensor.detach().cpu()
    if kept.is_floating_point():
        kept = kept.to(dtype)
        if not bool(kept.isfinite().all()):
            raise MethodFailed(
                f"{path} was not written, because {name} has values that {dtype} cannot represent. The earlier file is "
                "unchanged. Train with a smaller learning rate or gradient clipping."
            )
    return kept.contiguous().clone()
