"""Files of learned weights: safetensors whose keys are those of the module's `state_dict`, and what they say of them.

Metadata: method, version, network (its settings as JSON), protocols (as JSON), steps, minutes, seed, limits (of
`marview.learning.guard`, as JSON).
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
    """What a weights file says of itself.

    Attributes:
        method: id of the method.
        version: of the method.
        network: settings its network was built with.
        protocols: scans it was trained on.
        steps: of the training.
        minutes: it took.
        seed: of it.
        limits: least and most of what `marview.learning.guard` measured in its pairs, by name.
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
        """As the file keeps it."""
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
"""What reading the metadata of a weights file raises where somebody or a bad disk changed them."""


def about(metadata: Mapping[str, str], file: str = "the weights") -> About:
    """What metadata say.

    Args:
        metadata: of a weights file, as `Job.about_weights` gives them.
        file: its name, for the sentence.

    Raises:
        BadInput: they lack what every weights file of marview has.
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
        sentence = f"{file} does not say what network it is of ({error}); marview train writes files that do."
        raise BadInput(sentence) from error


def save_weights(path: Path, weights: Mapping[str, Tensor], of: About, dtype: torch.dtype = torch.float16) -> None:
    """Write weights, whole or not at all.

    Args:
        path: NAME.safetensors.
        weights: a `state_dict`.
        of: what the file says of itself.
        dtype: of floating numbers in the file.

    Raises:
        CannotWrite: the disk is full or read-only.
        MethodFailed: a weight is not a number, or too large for `dtype`.
    """
    kept = rounded(path, weights, dtype)
    with whole_file(path) as part:
        write_tensors(part, kept, of.as_metadata())


def rounded(path: Path, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float16) -> dict[str, Tensor]:
    """Weights as a file keeps them, so that it is known before anything is written whether it can.

    Args:
        path: of the file, for the sentence.
        weights: a `state_dict`.
        dtype: of floating numbers in the file.

    Raises:
        MethodFailed: a weight is not a number, or too large for `dtype`.
    """
    return {name: _kept(path, name, tensor, dtype) for name, tensor in weights.items()}


def write_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write a safetensors file by Python's own means: safetensors' make no `OSError` of a full disk."""
    path.write_bytes(save(tensors, metadata=facts))


def load_weights(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], About]:
    """Weights, float32, and what their file says.

    Raises:
        BadInput: the file cannot be read as weights of marview.
    """
    tensors, metadata = read_tensors(path, device)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}, about(
        metadata, str(path)
    )


def fill(network: nn.Module, weights: Mapping[str, Tensor], file: str) -> nn.Module:
    """Put weights into a network and hand it back.

    Args:
        network: built with the settings the file names.
        weights: of any floating type.
        file: its name, for the sentence, where the weights do not know theirs.

    Raises:
        MethodFailed: they are not this network's: a name or a shape differs.
    """
    file = str(weights.path) if isinstance(weights, Weights) else file
    wanted = network.state_dict()
    missing = sorted(set(wanted) ^ set(weights))
    if missing:
        raise MethodFailed(
            f"The weights {file} are not of this network: {missing[0]} is "
            f"{'missing' if missing[0] in wanted else 'unknown'}; train it again or install the method again."
        )
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            raise MethodFailed(
                f"The weights {file} are not of this network: {name} is {tuple(tensor.shape)} and the network asks for "
                f"{tuple(wanted[name].shape)}; take weights of its size, or install the method again."
            )
    network.load_state_dict({name: tensor.to(wanted[name].dtype) for name, tensor in weights.items()})
    return network


def read_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file as they are, and its metadata.

    Raises:
        BadInput: it cannot be read as one.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except Exception as error:
        raise BadInput(f"{path} cannot be read as weights: {error}; take a whole copy of the file.") from error


def _kept(path: Path, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    kept = tensor.detach().cpu()
    if kept.is_floating_point():
        kept = kept.to(dtype)
        if not bool(kept.isfinite().all()):
            raise MethodFailed(
                f"{path} is not written, since {name} holds values that {dtype} cannot hold; what stood there before "
                "stays. Train with a smaller learning rate or gradient clipping."
            )
    return kept.contiguous().clone()
