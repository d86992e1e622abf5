"""Files of weights and states."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from marview.errors import BadInput, MethodFailed
from marview.learning.average import averaged
from marview.learning.state import Learner, read_state, write_state
from marview.learning.weights import About, about, fill, load_weights, save_weights, write_tensors
from marview.worker.loading import Weights

OF = About("cnnmar", "1.0.0", {"width": 4, "name": "ü"}, ("dudonet-640",), 12, 3.5, 7, {"body_share": (0.1, 0.5)})


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(width)
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))


def test_weights_come_back_with_what_they_say(tmp_path: Path) -> None:
    path, net = tmp_path / "a.safetensors", network()
    save_weights(path, net.state_dict(), OF)
    weights, of = load_weights(path)
    assert of == OF
    assert weights["0.weight"].dtype == torch.float32
    assert weights["1.num_batches_tracked"].dtype == torch.int64
    torch.testing.assert_close(weights["0.weight"], net.state_dict()["0.weight"], atol=1e-3, rtol=1e-3)
    fill(network(), weights, "a")


def test_others_may_read_weights_as_any_new_file(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", {"a": torch.zeros(1)}, OF)
    (tmp_path / "any").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_what_the_system_calls_it() -> None:
    with pytest.raises(OSError, match="No space left on device"):
        write_tensors(Path("/dev/full"), {"a": torch.zeros(1)}, OF.as_metadata())


def test_floats_take_two_bytes(tmp_path: Path) -> None:
    big = {"a": torch.zeros(100_000)}
    save_weights(tmp_path / "a.safetensors", big, OF)
    assert (tmp_path / "a.safetensors").stat().st_size < 201_000


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_values_beyond_half_precision_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(MethodFailed, match=r"a has values that torch\.float16 cannot represent"):
        save_weights(tmp_path / "a.safetensors", {"a": torch.tensor([value])}, OF)
    assert not list(tmp_path.iterdir())


def test_weights_of_another_width_are_refused() -> None:
    with pytest.raises(MethodFailed, match=r"0.weight is \(8, 1, 3, 3\), but the network needs \(4, 1, 3, 3\)"):
        fill(network(4), network(8).state_dict(), "w.safetensors")


def test_weights_of_a_method_are_named_by_their_folder(tmp_path: Path) -> None:
    given = Weights(network(8).state_dict(), tmp_path / "weights" / "bundled.safetensors")
    with pytest.raises(
        MethodFailed,
        match=rf"The weights in {re.escape(str(given.path))} are for a different network.* install the method",
    ):
        fill(network(4), given, "weights/bundled.safetensors")


def test_weights_that_lack_something_are_refused() -> None:
    some = network().state_dict()
    del some["0.bias"]
    with pytest.raises(MethodFailed, match=r"0\.bias is missing"):
        fill(network(), some, "w.safetensors")
    with pytest.raises(MethodFailed, match="extra is unknown"):
        fill(network(), network().state_dict() | {"extra": torch.zeros(1)}, "w.safetensors")


def test_a_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match="does not describe its network"):
        load_weights(tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match="the weights does not describe"):
        about({"method": "a"})


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_a_file_that_is_not_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"cannot be read as weights: .*\. Copy the whole file again\."):
        load_weights(path)


def learner() -> Learner:
    net = network()
    made = Learner(net, {"all": torch.optim.Adam(net.parameters(), 0.1)}, averaged(net, 0.9))
    for _ in range(3):
        net.zero_grad()
        net(torch.ones(1, 1, 5, 5)).square().sum().backward()
        made.optimisers["all"].step()
        made.average.update_parameters(net)
    return made


def test_a_complete_state_resumes_exactly(tmp_path: Path) -> None:
    first, second = learner(), learner()
    write_state(tmp_path / "s.safetensors", first, {"steps": "3"})
    for parameter in second.network.parameters():
        parameter.data.zero_()
    tensors, facts = read_state(tmp_path / "s.safetensors", torch.device("cpu"))
    assert second.fill(tensors, 3, "s")
    assert facts["steps"] == "3"
    assert all(torch.equal(first.tensors()[name], value) for name, value in second.tensors().items())


def test_rounded_moments_are_small_and_go_on_with_a_warm_up(tmp_path: Path) -> None:
    one = learner()
    write_state(tmp_path / "whole.safetensors", one, {})
    write_state(tmp_path / "small.safetensors", one, {}, moments=torch.bfloat16)
    tensors, _ = read_state(tmp_path / "small.safetensors", torch.device("cpu"))
    assert tensors["moments.all.0.weight.exp_avg"].dtype == torch.bfloat16
    other = learner()
    assert not other.fill(tensors, 3, "small")
    moments = other.optimisers["all"].state[next(other.network.parameters())]["exp_avg"]
    assert moments.dtype == torch.float32


def test_weights_that_are_not_numbers_are_not_kept(tmp_path: Path) -> None:
    one = learner()
    next(one.network.parameters()).data[0] = float("nan")
    sentence = (
        r"s\.safetensors was not written, because the weights 0\.weight are no longer finite\. .* smaller learning"
    )
    with pytest.raises(MethodFailed, match=sentence):
        write_state(tmp_path / "s.safetensors", one, {})
    assert not list(tmp_path.iterdir())
