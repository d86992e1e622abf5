"""Initialise a run with tensors from another network of the same method, matched by name and shape."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from marview.errors import UsageError
from marview.learning.state import network_of, read_state
from marview.learning.weights import about

_RUN_STEPS = "steps"


@dataclass(frozen=True)
class Beginning:
    """Record of the tensors that a run copied from a weights file.

    Attributes:
        file: name of the file.
        sha256: hash of the file.
        version: version of the method that trained the weights.
        steps: number of training steps of the weights.
        taken: parts of the network that were copied completely.
        mixed: parts of the network with some copied tensors.
        built: parts of the network that keep their random initial values.
    """

    file: str
    sha256: str
    version: str
    steps: int
    taken: tuple[str, ...]
    mixed: tuple[str, ...] = ()
    built: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Describe the copied parts and their source file."""
        parts = [*self.taken, *(f"some of {name}" for name in self.mixed)]
        rest = f"; random weights for {_list(self.built)}" if self.built else ""
        steps = f"{self.steps:,} {'step' if self.steps == 1 else 'steps'}"
        origin = f"{self.file} ({self.version}, {steps}, sha256 {self.sha256})"
        return f"{_list(parts)} of {origin}{rest}"


def begin_with(network: nn.Module, path: Path, method: str) -> Beginning:
    """Copy the tensors with matching names and shapes from a file into the network.

    A tensor named `steps` counts the steps of the run, so it is not copied and starts at zero. Other
    counters describe the earlier training and are copied.

    Args:
        network: network to change.
        path: weights file, or the state of a run.
        method: id of the method to train.

    Raises:
        BadInput: the file is not a readable weights file of marview.
        UsageError: the file belongs to another method, or no tensor matches.
    """
    tensors, facts = read_state(path, torch.device("cpu"))
    of = about(facts, str(path))
    if of.method != method:
        raise UsageError(f"{path} contains weights of {of.method}; {method} can only start from its own weights.")
    own = network.state_dict()
    found = network_of(tensors)
    learned = {name: tensor for name, tensor in own.items() if name != _RUN_STEPS}
    fits = {name for name, tensor in found.items() if name in learned and learned[name].shape == tensor.shape}
    if not fits:
        raise UsageError(
            f"No tensor in {path} matches a tensor of the new network in name and shape. Use weights of a network "
            "that shares layers with it."
        )
    network.load_state_dict({name: found[name].to(own[name].dtype) if name in fits else own[name] for name in own})
    parts: dict[str, list[bool]] = {}
    for name in learned:
        parts.setdefault(name.partition(".")[0], []).append(name in fits)
    return Beginning(
        path.name,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        of.version,
        of.steps,
        taken=tuple(name for name, each in parts.items() if all(each)),
        mixed=tuple(name for name, each in parts.items() if any(each) and not all(each)),
        built=tuple(name for name, each in parts.items() if not any(each)),
    )


def _list(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
