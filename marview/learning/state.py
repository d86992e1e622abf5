"""The state of a run as one safetensors file: network, average and moments of the optimisers; nothing is pickled.

Keys: `network.NAME`, `average.NAME`, `moments.TURN.PARAMETER.NAME`. Everything left to chance follows from seed and
step, so that a run goes on from here as if it had never stopped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from marview.errors import BadInput, MethodFailed
from marview.export import whole_file
from marview.learning.weights import fill, read_tensors, write_tensors

STATE = "state.safetensors"
_NETWORK, _AVERAGE, _MOMENTS = "network.", "average.", "moments."


@dataclass(frozen=True, eq=False)
class Learner:
    """What changes while a network learns.

    Attributes:
        network: all networks of the method.
        optimisers: by turn.
        average: of the network; None where none is kept.
    """

    network: nn.Module
    optimisers: Mapping[str, Optimizer]
    average: AveragedModel | None

    @property
    def used(self) -> nn.Module:
        """The network whose weights are used: the average where there is one."""
        return self.network if self.average is None else self.average.module

    def tensors(self) -> dict[str, Tensor]:
        """Its state under the keys of the file."""
        state = {_NETWORK + name: tensor for name, tensor in self.network.state_dict().items()}
        if self.average is not None:
            state |= {_AVERAGE + name: tensor for name, tensor in self.average.module.state_dict().items()}
        return state | dict(self._moments())

    def fill(self, state: Mapping[str, Tensor], step: int, file: str) -> bool:
        """Take up a state.

        Args:
            state: of `tensors`, whole, or with moments in 16 bits, or without any.
            step: it was kept after.
            file: its name, for the sentence.

        Returns:
            Whether it goes on exactly; where moments are missing or rounded it begins with a warm-up.

        Raises:
            MethodFailed: it is not this network's.
        """
        parts = {prefix: _below(state, prefix) for prefix in (_NETWORK, _AVERAGE, _MOMENTS)}
        fill(self.network, parts[_NETWORK] or parts[_AVERAGE], file)
        if self.average is not None:
            fill(self.average.module, parts[_AVERAGE] or parts[_NETWORK], file)
            self.average.n_averaged.fill_(step)
        is_exact = all(tensor.dtype not in {torch.float16, torch.bfloat16} for tensor in state.values())
        return self._fill_moments(parts[_MOMENTS]) and is_exact

    def check(self, file: str) -> None:
        """Refuse to keep weights that are not numbers.

        Args:
            file: that would keep them, for the sentence.

        Raises:
            MethodFailed: a weight is NaN or infinite.
        """
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise MethodFailed(
                    f"{file} is not written, since the weights {name} are not numbers any more; what stood there "
                    "before stays. Go on from there with --resume and a smaller learning rate or gradient clipping."
                )

    def _moments(self) -> Iterator[tuple[str, Tensor]]:
        for turn, optimiser, name, parameter in self._parameters():
            for what, moment in optimiser.state.get(parameter, {}).items():
                if moment is not None:  # SGD without momentum
                    yield f"{_MOMENTS}{turn}.{name}.{what}", torch.as_tensor(moment)

    def _fill_moments(self, moments: Mapping[str, Tensor]) -> bool:
        """Take up moments by turn, parameter and name; whether every optimiser that has some found its own."""
        found = {turn: _has_none(optimiser) for turn, optimiser in self.optimisers.items()}
        for turn, optimiser, name, parameter in self._parameters():
            own = {key: value for key, value in _below(moments, f"{turn}.{name}.").items() if "." not in key}
            if own:
                found[turn] = True
                optimiser.state[parameter] = {
                    key: value.float().cpu() if key == "step" else value.to(parameter.device, parameter.dtype)
                    for key, value in own.items()
                }
        return all(found.values())

    def _parameters(self) -> Iterator[tuple[str, Optimizer, str, nn.Parameter]]:
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        for turn, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    yield turn, optimiser, names[id(parameter)], parameter


def write_state(path: Path, learner: Learner, facts: Mapping[str, str], *, moments: torch.dtype | None = None) -> None:
    """Write the state of a run, whole or not at all.

    Args:
        path: of the file.
        learner: its state.
        facts: step, minutes and the like, kept beside it as text.
        moments: type moments are rounded to, to save room; None keeps them as they are.

    Raises:
        CannotWrite: the disk is full or read-only; the file that was there stays.
        MethodFailed: a weight is not a number; likewise.
    """
    learner.check(str(path))
    kept = {}
    for name, tensor in learner.tensors().items():
        is_rounded = moments is not None and name.startswith(_MOMENTS) and tensor.ndim > 0
        kept[name] = tensor.detach().to("cpu", moments if is_rounded else None).contiguous().clone()
    with whole_file(path) as part:
        write_tensors(part, kept, dict(facts))


def read_state(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and facts of a state, or of a weights file, which is a state that lacks everything but the average.

    Raises:
        BadInput: the file cannot be read.
    """
    tensors, facts = read_tensors(path, str(device))
    if not tensors:
        raise BadInput(f"{path} is empty; begin anew in another folder.")
    if not any(name.startswith((_NETWORK, _AVERAGE)) for name in tensors):
        tensors = {_AVERAGE + name: tensor for name, tensor in tensors.items()}
    return tensors, facts


def network_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a state that are for use: the average where there is one."""
    return _below(state, _AVERAGE) or _below(state, _NETWORK)


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _has_none(optimiser: Optimizer) -> bool:
    return isinstance(optimiser, torch.optim.SGD) and not any(group["momentum"] for group in optimiser.param_groups)
