"""Training in one process, or in several that torchrun started."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from marview.errors import UsageError
from marview.learning import machine
from marview.learning.machine import Machine

TWO = """
import torch
from torch import nn
from marview.learning.machine import Machine

here = Machine("cpu")
layers = nn.Linear(2, 1), nn.Linear(3, 2)
for layer in layers:
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, 1.0 + here.process)
here.average_gradients([one for layer in layers for one in layer.parameters()])
assert all((one.grad == 1.5).all() for layer in layers for one in layer.parameters())
assert here.processes == 2 and here.is_first == (here.process == 0)
assert here.agree(here.process == 1) and not here.agree(False)
here.wait()
here.close()
"""


def test_a_single_process_changes_no_gradient() -> None:
    here, layer = Machine("cpu"), nn.Linear(2, 1)
    layer.weight.grad = torch.ones(1, 2)
    here.average_gradients(layer.parameters())
    assert bool((layer.weight.grad == 1).all())
    assert here.is_first
    assert (here.processes, here.device.type) == (1, "cpu")
    assert here.agree(yes=True)
    assert not here.agree(yes=False)


@pytest.mark.parametrize(
    ("cpuinfo", "said", "title"),
    [
        ("vendor_id\t: X\nmodel name\t: A  Fast Processor\nmodel name\t: B\n", "", "A Fast Processor, 1 thread"),
        ("processor\t: 0\nmodel name\t: \n", "arm", "arm, 1 thread"),
        (None, "", "CPU, 1 thread"),
    ],
)
def test_the_title_names_the_processor_where_the_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str | None, said: str, title: str
) -> None:
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo, encoding="utf-8")
    processor = machine._processor
    monkeypatch.setattr(machine, "_processor", lambda: processor(tmp_path / "cpuinfo"))
    monkeypatch.setattr("platform.processor", lambda: said)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert Machine("cpu").title == title


def test_half_precision_is_for_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, seen = nn.Linear(2, 1), torch.ones(1, 2)
    with Machine("cpu").autocast("bfloat16"):
        assert layer(seen).dtype == torch.bfloat16
    with Machine("cpu").autocast("float32"):
        assert layer(seen).dtype == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_gives_a_message() -> None:
    with pytest.raises(UsageError, match="finds no CUDA GPU on this machine"):
        Machine("cuda")


def test_several_processes_without_accelerate_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(UsageError, match=r"needs accelerate. .* pip install 'marview\[learning\]'"):
        Machine("cpu")


@pytest.mark.slow  # starts two processes that import torch and accelerate
def test_two_processes_average_their_gradients_and_agree(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    script = tmp_path / "two.py"
    script.write_text(TWO, encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, str(script)]
    root = Path(machine.__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=root, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
