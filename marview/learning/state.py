"""Save and load the state of a run in one safetensors file: network, weight average and optimiser moments.

Keys: `network.NAME`, `average.NAME`, `moments.TURN.PARAMETER.NAME`. All random numbers depend only on the seed and
the step, so that a resumed run gives the same result as an uninterrupted run.
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
    """Network, optimisers and running weight average of a training run.

    Attributes:
        network: all networks of the method.
        optimisers: optimiser of each turn.
        average: network with the running average of the weights; None if there is no average.
    """

    network: nn.Module
    optimisers: Mapping[str, Optimizer]
    average: AveragedModel | None

    @property
    def used(self) -> nn.Module:
        """The network to use after training: the average if there is one, otherwise the network itself."""
        return self.network if self.average is None else self.average.module

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors of the state, by their keys in the state file."""
        state = {_NETWORK + name: tensor for name, tensor in self.network.state_dict().items()}
        if self.average is not None:
            state |= {_AVERAGE + name: tensor for name, tensor in self.average.module.state_dict().items()}
        return state | dict(self._moments())

    def fill(self, state: Mapping[str, Tensor], step: int, file: str) -> bool:
        """Load a saved state.

        Args:
            state: tensors as returned by `tensors`; the optimiser moments may be rounded to 16 bits or missing.
            step: number of training steps before the state was saved.
            file: name of the file, for messages.

        Returns:
            True if the run can continue exactly; False if moments are missing or rounded, so that a warm-up is
            needed.

        Raises:
            MethodFailed: the state belongs to another network.
        """
        parts = {prefix: _below(state, prefix) for prefix in (_NETWORK, _AVERAGE, _MOMENTS)}
        fill(self.network, parts[_NETWORK] or parts[_AVERAGE], file)
        if self.average is not None:
            fill(self.average.module, parts[_AVERAGE] or parts[_NETWORK], file)
            self.average.n_averaged.fill_(step)
        is_exact = all(tensor.dtype not in {torch.float16, torch.bfloat16} for tensor in state.values())
        return self._fill_moments(parts[_MOMENTS]) and is_exact

    def check(self, file: str) -> None:
        """Check that all weights are finite before they are saved.

        Args:
            file: file to write, for messages.

        Raises:
            MethodFailed: a weight is NaN or infinite.
        """
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise MethodFailed(
                    f"{file} was not written, because the weights {name} are no longer finite. The earlier file is "
                    f"unchanged. Continue from it with --resume and a smaller learning rate or gradient clipping."
                )

    def _moments(self) -> Iterator[tuple[str, Tensor]]:
        for turn, optimiser, name, parameter in self._parameters():
            for what, moment in optimiser.state.get(parameter, {}).items():
                if moment is not None:  # SGD without momentum has no moments
                    yield f"{_MOMENTS}{turn}.{name}.{what}", torch.as_tensor(moment)

    def _fill_moments(self, moments: Mapping[str, Tensor]) -> bool:
        """Load the moments by turn, parameter and name; return whether they are complete.

        A state contains the moments of every optimiser that took a step. A weights file contains none.
        """
        for turn, optimiser, name, parameter in self._parameters():
            own = {key: value for key, value in _below(moments, f"{turn}.{name}.").items() if "." not in key}
            if own:
                optimiser.state[parameter] = {
                    key: value.float().cpu() if key == "step" else value.to(parameter.device, parameter.dtype)
                    for key, value in own.items()
                }
        return bool(moments) or all(_has_none(optimiser) for optimiser in self.optimisers.values())

    def _parameters(self) -> Iterator[tuple[str, Optimizer, str, nn.Parameter]]:
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        for turn, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    yield turn, optimiser, names[id(parameter)], parameter


def write_state(path: Path, learner: Learner, facts: Mapping[str, str], *, moments: torch.dtype | None = None) -> None:
    """Write the state of a run; an incomplete file never replaces the earlier one.

    Args:
        path: path of the file.
        learner: state to write.
        facts: metadata such as step and minutes, as text.
        moments: data type to which the optimiser moments are rounded to save space; None to store them
            exactly.

    Raises:
        CannotWrite: the disk is full or read-only; an earlier file is kept.
        MethodFailed: a weight is not finite; an earlier file is kept.
    """
    learner.check(str(path))
    kept = {}
    for name, tensor in learner.tensors().items():
        is_rounded = moments is not None and name.startswith(_MOMENTS) and tensor.ndim > 0
        kept[name] = tensor.detach().to("cpu", moments if is_rounded else None).contiguous().clone()
    with whole_file(path) as part:
        write_tensors(part, kept, dict(facts))


def read_state(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and metadata of a state file, or of a weights file, which contains only the average.

    Raises:
        BadInput: the file cannot be read.
    """
    tensors, facts = read_tensors(path, str(device))
    if not tensors:
        raise BadInput(f"{path} is empty. Start again in another folder.")
    if not any(name.startswith((_NETWORK, _AVERAGE)) for name in tensors):
        tensors = {_AVERAGE + name: tensor for name, tensor in tensors.items()}
    return tensors, facts


def network_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights to use after training: the average if the state has one, else the network."""
    return _below(state, _AVERAGE) or _below(state, _NETWORK)


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _has_none(optimiser: Optimizer) -> bool:
    return isinstance(optimiser, torch.optim.SGD) and not any(group["momentum"] for group in optimiser.param_groups)
