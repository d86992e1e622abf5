"""Faults of a method stay in its process and give a message, and the next run works."""

import hashlib
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.errors import UsageError
from marview.mar import Note, Output, SliceDone

ADDS = "return MarResult(case.hu + parameters.strength_hu)"


def _assert_nothing_changed(bench) -> None:
    assert np.array_equal(bench.correction, np.zeros_like(bench.correction))


def test_a_good_method_reaches_the_metal_slices_and_no_other(bench) -> None:
    bench.write("good", ADDS)
    outcome = bench.reduce("good", slices=(3, 2, 4, 1, 0, 5), parameters={"strength_hu": 7})
    assert outcome.state == "done", outcome.sentence
    correction = bench.correction
    inside = correction[3, 10:38, 10:38][~bench.mask.array[3, 10:38, 10:38]]
    np.testing.assert_allclose(inside, 7, atol=1e-3)
    assert not correction[[0, 5]].any()
    assert not correction[bench.mask.array].any()
    done = [message for message in bench.heard if isinstance(message, SliceDone)]
    assert [each.slice_index for each in done if each.metal_pixels] == [3, 2, 4, 1]
    assert outcome.report["parameters"] == {"strength_hu": 7.0}
    assert [each["slice_index"] for each in outcome.report["slices"]] == list(range(6))
    assert any("forward projection" in note for note in outcome.report["notes"])
    assert any(isinstance(message, Note) for message in bench.heard)


def test_a_finished_slice_carries_the_name_of_the_method_that_made_its_pixels(bench) -> None:
    body = """
        from marview.methods.api import SliceNote
        left = [k for k in case.slice_indices if k == 2]
        notes = [SliceNote(k, "metal is large", ", so NMAR was used", made_by="NMAR") for k in left]
        return MarResult(case.hu + 7, notes=notes)
    """
    outcome = bench.reduce(bench.write("gives_way", body), slices=(3, 2, 0))
    assert outcome.state == "done", outcome.sentence
    done = {each.slice_index: each.made_by for each in bench.heard if isinstance(each, SliceDone)}
    assert done == {3: "", 2: "NMAR", 0: ""}
    assert {each["slice_index"]: each["made_by"] for each in outcome.report["slices"]} == done


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("in_double", "return MarResult((case.hu + 7).double(), prior_hu=case.hu.double())"),
        ("with_gradients", "return MarResult(case.hu + 7 * torch.ones(1, requires_grad=True))"),
        ("in_integers", "return MarResult((case.hu + 7).round().to(torch.int32))"),
    ],
)
def test_results_of_other_number_types_are_read_as_float32(bench, name: str, body: str) -> None:
    bench.write(name, body)
    outcome = bench.reduce(name, slices=(3,), keep_outputs=True)
    assert outcome.state == "done", outcome.sentence
    correction = bench.correction[3, 10:38, 10:38][~bench.mask.array[3, 10:38, 10:38]]
    np.testing.assert_allclose(correction, 7, atol=0.6 if name == "in_integers" else 1e-3)


def test_a_method_that_sees_the_image_alone_has_no_notes_on_the_sinogram(bench) -> None:
    bench.write("image_alone", ADDS, manifest="needs_sinogram = false\n")
    bench.write("sinogram", ADDS)
    metal = bench.mask.array[3].copy()
    bench.mask.array[3, 10:38, 10:38] = True  # hides far more than a tenth of the sinogram
    found = {}
    for name in ("image_alone", "sinogram"):
        notes = bench.reduce(name, slices=(3,)).report["notes"]
        found[name] = [each for each in notes if "sinogram" in each]
    bench.mask.array[3] = metal
    assert not found["image_alone"]
    assert len(found["sinogram"]) == 2


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        (
            "raises",
            "raise ZeroDivisionError('by nothing')",
            "failed: method.py, line 14: ZeroDivisionError: by nothing.",
        ),
        (
            "lacks_a_package",
            "import not_there",
            "failed: method.py, line 14, imports not_there, which is not installed.",
        ),
        ("exits", "sys.exit(3)", "failed: method.py, line 14: SystemExit: 3."),
        ("gives_nan", "return MarResult(case.hu * float('nan'))", "173056 of 173056 pixels, the first at hu[0, 0, 0]"),
        ("gives_half", "return MarResult(case.hu[: len(case.hu) // 2])", "shape (0, 416, 416)"),
        ("gives_wrong_shape", "return MarResult(case.hu[:, :-1])", "shape (1, 415, 416)"),
        ("gives_nothing", "pass", "returned None, not a MarResult. Is a return statement missing?"),
        ("gives_complex", "return MarResult(case.hu + 1j)", "complex numbers"),
        ("gives_wrong_prior", "return MarResult(case.hu, prior_hu=case.hu[:, 1:])", "prior image"),
        ("writes_to_its_input", "case.hu.add_(5); return MarResult(case.hu)", "Work on case.hu.clone()."),
        ("writes_by_numpy", "case.hu.numpy()[:] = 0; return MarResult(case.hu + 1)", "modified its input"),
        ("gives_tensor", "return case.hu", "returned a Tensor, not a MarResult. Write return MarResult(hu)."),
        ("gives_array", "return MarResult(case.hu.numpy())", "is an ndarray, not a tensor; use torch.from_numpy."),
        (
            "shows_unlisted_output",
            "job.output('artifact', 1, case.hu[0])",
            'Write in plugin.toml: outputs = ["prior", "artifact", "result"]',
        ),
        ("shows_unknown_output", "job.output('heat', 1, case.hu[0])", "'heat' is not an output; choose from sinogram"),
        ("asks_for_weights", "job.weights('x.safetensors')", "x.safetensors"),
    ],
)
def test_a_failure_in_python_gives_a_message(bench, name: str, body: str, says: str) -> None:
    bench.write(name, body)
    outcome = bench.reduce(name, slices=(2, 1))
    assert outcome.state == "failed"
    assert outcome.exit_code == 4
    assert says in outcome.sentence
    assert name in outcome.sentence
    _assert_nothing_changed(bench)


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("segfaults", "import ctypes; ctypes.string_at(0)", "segmentation fault"),
        ("exits_hard", "os._exit(7)", "exit code 7"),
    ],
)
def test_a_process_that_ends_gives_a_message(bench, name: str, body: str, says: str) -> None:
    bench.write(name, body)
    outcome = bench.reduce(name)
    assert outcome.state == "crashed"
    assert says in outcome.sentence
    _assert_nothing_changed(bench)


@pytest.mark.slow
def test_a_crash_after_some_slices_keeps_those_and_leaves_the_rest(bench) -> None:
    bench.write("crashes_late", f"if len(case.hu) > 1: os._exit(1)\n{ADDS}")
    outcome = bench.reduce("crashes_late", slices=(2, 1, 3, 4))
    assert outcome.state == "crashed"
    assert bench.correction[2].any()
    assert not bench.correction[[0, 1, 3, 4, 5]].any()
    bench.write("good", ADDS)
    assert bench.reduce("good").state == "done"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("is_polite", "for _ in range(3000): job.check_cancelled(); time.sleep(0.01)"),
        ("never_returns", "while True: time.sleep(1)"),
        pytest.param("never_lets_go", "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')", marks=pytest.mark.slow),
        ("ignores_sigterm", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"),
    ],
)
def test_an_endless_method_is_cancelled(bench, name: str, body: str) -> None:
    bench.write(name, f"job.progress(0.5, 'in it')\n{body}\n{ADDS}")
    run = bench.start(name)
    until = time.monotonic() + 60
    while not any(getattr(message, "text", "") == "in it" for message in bench.heard):
        assert time.monotonic() < until
        time.sleep(0.01)
    asked = time.monotonic()
    run.cancel()
    assert run.wait(20).state == "cancelled"
    assert time.monotonic() - asked < 5
    _assert_nothing_changed(bench)


def test_a_run_that_waits_is_cancelled_without_harm_to_the_one_before_it(bench) -> None:
    bench.write("is_slow", f"time.sleep(0.3)\n{ADDS}")
    first, second = bench.start("is_slow"), bench.start("is_slow")
    second.cancel()
    assert second.wait(20).state == "cancelled"
    assert first.wait(300).state == "done"


def test_output_of_a_method_disturbs_nothing(bench) -> None:
    bench.write(
        "prints",
        """
        print("hello", flush=True)
        os.write(1, bytes(range(256)) * 300)
        os.system("echo from a shell; head -c 100000 /dev/urandom")
        assert sys.stdin.read() == ""
        """
        + ADDS,
    )
    assert bench.reduce("prints").state == "done"


def test_shown_pictures_arrive_as_files(bench) -> None:
    bench.write("shows", f"job.output('prior', case.slice_indices[0], case.hu[0])\n{ADDS}")
    run = bench.start("shows", slices=(2,), keep_outputs=True)
    assert run.wait(300).state == "done"
    shown = {message.name: message for message in bench.heard if isinstance(message, Output)}
    assert set(shown) == {"sinogram", "trace", "prior", "result", "consistency"}
    assert np.load(shown["sinogram"].path).shape == (640, 641)
    assert np.load(shown["trace"].path).dtype == bool
    assert np.load(shown["prior"].path).dtype == np.float16
    run.discard_outputs()
    assert not Path(shown["prior"].path).exists()


def test_memory_that_runs_out_gives_a_message(make_bench: Callable[..., object]) -> None:
    if sys.platform != "linux":
        pytest.skip("the limit is the system's, and only Linux has it")
    bench = make_bench(memory_limit_mb=1500)
    bench.write("fills_memory", "hoard = []\nwhile True: hoard.append(bytearray(2**26))")
    outcome = bench.reduce("fills_memory")
    assert outcome.state == "failed"
    assert "memory" in outcome.sentence
    _assert_nothing_changed(bench)
    bench.write("is_greedy", f"if len(case.hu) > 1: torch.empty(2**31)\n{ADDS}")
    outcome = bench.reduce("is_greedy")
    assert outcome.state == "done", "batches get smaller until they fit"
    assert np.isfinite(bench.correction).all()
    bench.write("asks_too_much", ADDS, manifest="memory_mb = 4000\n")
    outcome = bench.reduce("asks_too_much")
    assert outcome.state == "failed"
    assert "4000 MB" in outcome.sentence


def _weights(file: str, content: bytes, sha256: str = "") -> str:
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return f'[[weights]]\nfile = "{file}"\nsha256 = "{digest}"\ntrained_on = "nothing"\nlicence = "MIT"\n'


def test_weights_are_loaded_only_if_they_are_what_the_manifest_says(bench, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"scale": torch.tensor([3.0])}, tmp_path / "net.safetensors")
    content = (tmp_path / "net.safetensors").read_bytes()
    loads = "scale = job.weights('net.safetensors')['scale']\nreturn MarResult(case.hu + scale)"

    bench.write("learned", loads, manifest=_weights("net.safetensors", content))
    (bench.folder / "learned" / "net.safetensors").write_bytes(content)
    outcome = bench.reduce("learned")
    assert outcome.state == "done", outcome.sentence
    assert outcome.report["weights"] == [{"file": "net.safetensors", "sha256": hashlib.sha256(content).hexdigest()}]

    bench.write("learned_wrong", loads, manifest=_weights("net.safetensors", content, "0" * 64))
    (bench.folder / "learned_wrong" / "net.safetensors").write_bytes(content)
    assert "sha256" in bench.reduce("learned_wrong").sentence

    damaged = content[: len(content) // 2]
    bench.write("learned_damaged", loads, manifest=_weights("net.safetensors", damaged))
    (bench.folder / "learned_damaged" / "net.safetensors").write_bytes(damaged)
    assert "not a readable safetensors file" in bench.reduce("learned_damaged").sentence

    pickled = pickle.dumps({"scale": 3.0})
    bench.write("learned_pickled", loads, manifest=_weights("net.safetensors", pickled))
    (bench.folder / "learned_pickled" / "net.safetensors").write_bytes(pickled)
    assert "not a readable safetensors file" in bench.reduce("learned_pickled").sentence


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_weights_that_are_a_pipe_are_refused_without_waiting(bench) -> None:
    bench.write("piped", "job.weights('net.safetensors')", manifest=_weights("net.safetensors", b""))
    os.mkfifo(bench.folder / "piped" / "net.safetensors")
    assert "cannot be read: it is not a regular file" in bench.reduce("piped").sentence


def test_torch_load_runs_no_pickled_code(bench) -> None:
    marker = bench.folder / "ran"
    bench.write(
        "unpickles",
        f"""
        class Evil:
            def __reduce__(self):
                return os.mkdir, ({str(marker)!r},)
        torch.save(Evil(), {str(bench.folder / "evil.pt")!r})
        torch.load({str(bench.folder / "evil.pt")!r}, weights_only=False)
        """,
    )
    assert bench.reduce("unpickles").state == "failed"
    assert not marker.exists()


def test_requests_that_make_no_sense_are_refused(bench) -> None:
    bench.write("good", ADDS)
    with pytest.raises(UsageError, match="There is no method 'bad'"):
        bench.start("bad")
    with pytest.raises(UsageError, match="Slice index 6 is out of range"):
        bench.start("good", slices=(6,))
    for parameters, says in (
        ({"strength_hu": -1}, "strength_hu must be 0 or more, not -1"),
        ({"speed": 1}, "no parameter 'speed'"),
    ):
        outcome = bench.reduce("good", parameters=parameters)
        assert outcome.state == "failed"
        assert outcome.exit_code == 2
        assert says in outcome.sentence
        with pytest.raises(UsageError):
            outcome.check()
    bench.write("other_python", ADDS, manifest='python = "nowhere/python"\n')
    with pytest.raises(UsageError, match="nowhere/python"):
        bench.start("other_python")


def test_a_device_that_is_not_there_is_refused(bench) -> None:
    torch = pytest.importorskip("torch")
    bench.write("needs_cuda", ADDS, device="cuda")
    bench.write("needs_cpu", ADDS, device="cpu")
    assert "CPU only" in bench.reduce("needs_cpu", device="cuda").sentence
    assert "cannot run on the CPU" in bench.reduce("needs_cuda", device="cpu").sentence
    if not torch.cuda.is_available():
        bench.write("good", ADDS)
        for method, device in (("needs_cuda", "auto"), ("needs_cuda", "cuda"), ("good", "cuda")):
            outcome = bench.reduce(method, device=device)
            assert outcome.state == "failed"
            assert outcome.exit_code == 2
            assert "finds no such device on this machine" in outcome.sentence


def test_its_modules_find_each_other_and_changes_are_seen(bench) -> None:
    bench.write("has_siblings", "from .sibling import OFFSET\nreturn MarResult(case.hu + OFFSET)")
    sibling = bench.folder / "has_siblings" / "sibling.py"
    sibling.write_text("OFFSET = 4.0\n")
    assert bench.reduce("has_siblings").state == "done"
    assert bench.correction.max() == pytest.approx(4, abs=1e-3)
    sibling.write_text("OFFSET = 6.0  # changed\n")
    assert bench.reduce("has_siblings").state == "done"
    assert bench.correction.max() == pytest.approx(6, abs=1e-3)


@pytest.mark.slow
def test_another_interpreter_runs_it(bench) -> None:
    python = bench.folder / "python"
    python.write_text(f'#!/bin/sh\nMARVIEW_TEST=yes exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    bench.write("elsewhere", f"assert os.environ['MARVIEW_TEST'] == 'yes'\n{ADDS}", manifest='python = "../python"\n')
    outcome = bench.reduce("elsewhere")
    assert outcome.state == "done", outcome.sentence


def test_a_file_that_is_not_an_interpreter_gives_a_message(bench) -> None:
    python = bench.folder / "no_python"
    python.write_text("#!/bin/sh\necho no torch here >&2\nexit 1\n")
    python.chmod(0o755)
    bench.write("nowhere", ADDS, manifest='python = "../no_python"\n')
    outcome = bench.reduce("nowhere")
    assert outcome.state == "crashed"
    assert "no torch here" in outcome.sentence
