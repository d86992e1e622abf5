"""Device and processes of a training run: a single process, or the processes that `torchrun` starts."""

import os
import platform
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from marview.errors import UsageError
from marview.mar.scratch import spare_temporary_folder
from marview.worker.devices import use_free_threads


class Machine:
    """Device of this process, and its number within the training run.

    Attributes:
        device: device for training, simulation and projection.
        process: number of the process, from 0; process 0 writes the files.
        processes: number of processes.
        title: name of the hardware, for the model card.
    """

    def __init__(self, asked: str = "auto") -> None:
        """Choose the device and set the number of threads.

        Args:
            asked: auto, cpu or cuda.

        Raises:
            UsageError: there is no such device, or `torchrun` runs without accelerate.
        """
        use_free_threads()
        spare_temporary_folder(os.environ)
        has_cuda = torch.cuda.is_available()
        if asked == "cuda" and not has_cuda:
            raise UsageError(
                f"PyTorch {torch.__version__} finds no CUDA GPU on this machine. Use --device cpu or auto."
            )
        self._accelerator = _accelerator(is_on_cpu=asked == "cpu" or not has_cuda)
        self.process, self.processes = 0, 1
        self.device = torch.device("cuda", 0) if has_cuda and asked != "cpu" else torch.device("cpu")
        if self._accelerator is not None:
            self.device = self._accelerator.device
            self.process, self.processes = self._accelerator.process_index, self._accelerator.num_processes

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and prints messages."""
        return self.process == 0

    @property
    def title(self) -> str:
        """Name of the hardware, for the model card."""
        threads = torch.get_num_threads()
        name = (
            torch.cuda.get_device_name(self.device)
            if self.device.type == "cuda"
            else f"{_processor() or 'CPU'}, {threads} {'thread' if threads == 1 else 'threads'}"
        )
        return name if self.processes == 1 else f"{self.processes} x {name}"

    def autocast(self, precision: str) -> AbstractContextManager[Any]:
        """Return the context for a precision, float32 or bfloat16; projectors always use float32."""
        if precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients over all processes.

        Gradients are averaged after the backward pass instead of by a wrapper around the network, because a
        method may call individual parts of its network.
        """
        if self._accelerator is None:
            return
        gradients = [one.grad for one in parameters if one.grad is not None]
        flat = self._accelerator.reduce(torch.cat([one.flatten() for one in gradients]), reduction="mean")
        for gradient, mean in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def agree(self, yes: bool) -> bool:  # noqa: FBT001 - the value to agree on
        """Return whether `yes` is True in any process, so that all processes stop after the same step."""
        if self._accelerator is None:
            return yes
        said: Tensor = self._accelerator.reduce(torch.tensor(float(yes), device=self.device), reduction="sum")
        return bool(said > 0)

    def wait(self) -> None:
        """Wait until all processes have reached this call."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the process group; otherwise the processes print connection errors when they exit."""
        if self._accelerator is not None:
            torch.distributed.destroy_process_group()


def _processor(known: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the processor, on Linux from /proc/cpuinfo; empty if unknown."""
    try:
        text = known.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name[ \t]*:[ \t]*(\S.*)$", text, re.MULTILINE)
    return " ".join((named[1] if named else platform.processor()).split())


def _accelerator(*, is_on_cpu: bool) -> Any:
    """Return the Accelerator for the processes that `torchrun` started; None for a single process."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return None
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise UsageError(
            "Training on several GPUs needs accelerate. Install marview with its learning extra: "
            "pip install 'marview[learning]'."
        ) from error
    return Accelerator(cpu=is_on_cpu)
