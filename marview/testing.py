"""Check a method against the contract of `marview.methods.api`, in tests or with `marview plugin check`.

Examples:
    >>> from marview.paths import bundled_plugins
    >>> from marview.testing import check_method
    >>> check_method(bundled_plugins() / "linear_interpolation")
    []
"""

import ast
import logging
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from torch import Tensor

from marview.errors import MarviewError
from marview.geometry import FanBeamFlat
from marview.mar.faults import not_trained
from marview.mar.manifest import MANIFEST, OUTPUTS, Manifest, code_folder, no_output, outputs_line, read_manifest
from marview.mar.parameter_schema import without_field
from marview.methods.api import Cancelled, MarCase, MarResult
from marview.physics.attenuation import MU_WATER, mu_to_hu
from marview.projection import Projector
from marview.worker.front_end import checked_result
from marview.worker.job import check_picture
from marview.worker.loading import LoadedMethod, load_method, refuse_pipes
from marview.worker.method_errors import as_clause, as_sentence, ended, place
from marview.worker.own_modules import as_in_a_run

OPEN_ROOMS = (
    "errors",
    "geometry",
    "learning",
    "methods",
    "metrics",
    "physics",
    "projection",
    "testing",
    "text",
    "volume",
)
"""Packages of marview that a plugin may import."""

_NO_PURPOSE = f"purpose in {MANIFEST} is empty. Describe the purpose of the method there; the window shows this text."

_CANCEL_S = 1.0
_SAME_HU = 0.5
_RAYS = 1e-5
"""Largest change of a line integral that counts as rounding."""


def phantom_case(slices: int = 2, size: int = 64, *, is_measured: bool = True) -> MarCase:
    """Create a test case: an oval body with a bone and a metal rod that hardens the beam.

    Args:
        slices: number of slices; the position of the rod differs from slice to slice.
        size: width and height of the image in pixels; the field of view is 15.36 cm wide.
        is_measured: whether the case has a measured sinogram, as with raw data; otherwise the sinogram is
            the forward projection of the image, as for clinical slices.
    """
    pixel_mm = 153.6 / size
    y, x = torch.meshgrid(*(torch.arange(size) - (size - 1) / 2,) * 2, indexing="ij")
    unit = size / 48
    body = torch.where((x / (18 * unit)) ** 2 + (y / (14 * unit)) ** 2 < 1, MU_WATER, 0.0)
    body = torch.where(torch.hypot(x - 6 * unit, y - 2 * unit) < 3.5 * unit, 0.35, body)
    metal = torch.stack([torch.hypot(x + (3 + n) * unit, y - n * unit) < 2.2 * unit for n in range(slices)])
    bins = 75 if size >= 48 else 47
    beam = FanBeamFlat(
        views=64,
        bins=bins,
        source_to_isocentre_mm=3 * size * pixel_mm,
        source_to_detector_mm=6 * size * pixel_mm,
        bin_mm=2 * math.sqrt(2) * size / bins * pixel_mm,
    )
    projector = Projector(beam, shape=(size, size), pixel_mm=pixel_mm)
    through = projector.forward(2.4 * metal.float())
    sinogram = projector.forward(body.expand(slices, -1, -1).contiguous()) + 3 * torch.tanh(through / 3)
    hu = mu_to_hu(projector.fbp(sinogram))
    return MarCase(hu, metal, pixel_mm, beam, list(range(slices)), sinogram if is_measured else None)


class TestJob:
    """Job for tests that records what a method reports, without a window.

    Attributes:
        reports: reported progress fractions, in order.
        outside: calls with a fraction outside 0 to 1, such as "job.progress(50)".
        shown: name and slice index of each intermediate image.
        questions: number of calls to `check_cancelled`.

    Args:
        loaded: method whose weights the job provides; None for a job without weights.
        folder: folder of the method, if `loaded` is not given.
        cancel_at: number of the call to `check_cancelled` that raises `Cancelled`, counted from 1.
    """

    __test__ = False  # keeps pytest from collecting it as a test class
    device = torch.device("cpu")
    log = logging.getLogger("marview.testing")

    def __init__(self, loaded: LoadedMethod | None = None, cancel_at: int = 0, *, folder: Path | None = None) -> None:
        self.reports: list[float] = []
        self.outside: list[str] = []
        self.shown: list[tuple[str, int]] = []
        self.questions = 0
        self._loaded, self._cancel_at = loaded if folder is None else load_method(folder), cancel_at

    def progress(self, fraction: float, text: str = "") -> None:  # noqa: ARG002
        """Record the fraction."""
        self._record("progress", fraction)

    def learning(self, fraction: float, text: str = "") -> None:  # noqa: ARG002
        """Record the fraction."""
        self._record("learning", fraction)

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Record the name and slice of the image."""
        check_picture(name, array)
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None:
        """Raise `Cancelled` on call number `cancel_at`."""
        self.questions += 1
        if self.questions == self._cancel_at:
            raise Cancelled

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return no neighbours, because the case is not part of a volume."""
        return torch.empty(0, 1, 1), torch.empty(0, 1, 1, dtype=torch.bool)

    def beside(self, slice_index: int, reach: int) -> Tensor:  # noqa: ARG002
        """Return no adjacent slices, because the case is not part of a volume."""
        return torch.empty(0, 1, 1)

    def weights(self, file: str) -> dict[str, Tensor]:
        """Return the tensors in a weights file of the tested method."""
        return self._method_with(file).weights(file, "cpu")

    def about_weights(self, file: str) -> dict[str, str]:
        """Return the metadata in a weights file of the tested method."""
        return self._method_with(file).about_weights(file)

    def _record(self, name: str, fraction: float) -> None:
        self.reports.append(fraction)
        if not 0 <= fraction <= 1:
            self.outside.append(f"job.{name}({fraction:g})")

    def _method_with(self, file: str) -> LoadedMethod:
        if self._loaded is None:
            raise AssertionError(
                f"this job has no weights, so it cannot provide {file}. Create it with TestJob(folder=FOLDER), where "
                f"FOLDER is the folder of the method."
            )
        return self._loaded


def check_method(folder: Path, values: Mapping[str, Any] | None = None) -> list[str]:
    """Check a method against its contract, and return a message for each violation.

    The check first reads the manifest, the imports and the parameters. Then the method corrects a phantom
    with and without a measured sinogram. The result must have the right shape and be finite, the input must
    stay unchanged, rays outside the trace must keep their values, a second run must give the same result,
    and the method must call `check_cancelled` in time. A method without weights is not run; a message says
    how to train it.

    Args:
        folder: folder of the method.
        values: parameter values that differ from the defaults.
    """
    try:
        manifest = read_manifest(folder)
        refuse_pipes(code_folder(folder, manifest))
    except MarviewError as why:
        return [str(why)]
    found = list(forbidden_imports(code_folder(folder, manifest)))
    with as_in_a_run(code_folder(folder, manifest)):
        try:
            loaded = load_method(folder)
            parameters = loaded.parameters(dict(values or {}))
            if waits := not_trained(manifest):
                return [*found, waits]
            loaded.check_weights()
        except MarviewError as why:
            _log_traceback(why.__cause__, code_folder(folder, manifest))
            is_known = any(each in str(why) for each in found)  # a syntax error
            return found if is_known else [*found, str(why)]
        measured = list(_run(loaded, parameters, is_measured=True))
        clinical = list(_run(loaded, parameters, is_measured=False))
    both = [each for each in measured if each in clinical]
    found += [f"It {each[3:]}" if each.startswith("it ") else each for each in both]
    for kind, breaches in (("a measured sinogram", measured), ("a clinical image", clinical)):
        found += [f"With {kind}: {each}" for each in breaches if each not in both]
    return found


def hints(folder: Path) -> list[str]:
    """Return hints about weaknesses that do not violate a rule, such as a parameter the window cannot show.

    If the method does not load, only the manifest is checked.

    Args:
        folder: folder of the method.
    """
    found: list[str] = []
    try:
        manifest = read_manifest(folder)
        found += [] if manifest.purpose else [_NO_PURPOSE]
        with as_in_a_run(code_folder(folder, manifest)):
            return [*found, *without_field(load_method(folder).schema()).values()]
    except MarviewError:
        return found
    except PydanticUserError as why:  # a type without a JSON schema
        return [*found, f"The window cannot show the parameters: {why.message.rstrip('.')}."]


def _log_traceback(error: BaseException | None, folder: Path) -> None:
    """Log the traceback of an exception that passed code in the folder of a method."""
    if error is not None and not isinstance(error, SyntaxError) and place(error, folder):
        TestJob.log.info("the whole traceback:", exc_info=error)


def forbidden_imports(folder: Path) -> Iterator[str]:
    """Yield a message for each forbidden import in a method and for each module that is not valid Python."""
    for source in sorted(folder.glob("*.py")):
        if source.name.startswith("test_") or source.name == "conftest.py" or not source.is_file():
            continue
        try:
            tree = ast.parse(source.read_bytes(), str(source))
        except (SyntaxError, ValueError) as why:
            said = f"{source.name} is not valid Python: {str(why).partition(' (')[0]}"
            yield ended(as_clause(why, folder) if place(why, folder) else said)
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            where = f"{source.name}, line {node.lineno},"
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                if node.level > 1:
                    yield f"{where} imports from outside the method's folder. Copy the code into this folder."
                names = [node.module or ""] if node.level == 0 else []
            for name in names:
                room = [*name.split("."), ""][1]
                if name.split(".")[0] == "marview" and room not in OPEN_ROOMS:
                    yield (
                        f"{where} imports {name}. Plugins may import {', '.join(OPEN_ROOMS)}. If {source.name} is a "
                        "script that no run uses, move it out of the method's folder."
                    )


def _run(loaded: LoadedMethod, parameters: BaseModel, *, is_measured: bool) -> Iterator[str]:
    """Run a method on the phantom and yield its violations of the contract, including exceptions."""
    try:
        yield from _breaches(loaded, parameters, is_measured=is_measured)
    except MarviewError as why:
        yield str(why)
    except (Exception, SystemExit) as why:  # noqa: BLE001 - whatever a method raises is a finding
        _log_traceback(why, loaded.code)
        yield as_sentence(why, loaded.code)


def _breaches(loaded: LoadedMethod, parameters: BaseModel, *, is_measured: bool) -> Iterator[str]:
    case = phantom_case(is_measured=is_measured)
    before = case.hu.clone()
    job = TestJob(loaded)
    started = time.perf_counter()
    given: MarResult = loaded.method.run(case, parameters, job)
    seconds = time.perf_counter() - started
    result = checked_result(given, case, before, loaded.manifest.id)
    yield from _reports(job, loaded.manifest)
    if result.corrected_sinogram is not None:
        change = (result.corrected_sinogram - case.sinogram).masked_fill(case.trace, 0).abs().max()
        if float(change) > _RAYS:
            yield f"it changes rays outside the metal trace, by up to {float(change):.2g}."
    again = loaded.method.run(phantom_case(is_measured=is_measured), parameters, TestJob(loaded))
    apart = float((again.hu.detach().float() - result.hu).abs().max())
    if apart > _SAME_HU:
        yield f"two runs differ by up to {apart:.1f} HU. Seed the random numbers of the method."
    yield from _cancelled(loaded, parameters, seconds, job.questions, is_measured=is_measured)


def _reports(job: TestJob, manifest: Manifest) -> Iterator[str]:
    if job.outside:
        yield f"{job.outside[0]} is invalid: the fraction must be from 0 to 1."
    unknown = sorted({name for name, _ in job.shown} - set(manifest.outputs))
    if known := [name for name in unknown if name in OUTPUTS]:
        line = outputs_line([*manifest.outputs, *known])
        yield f"it shows {', '.join(known)}, which {MANIFEST} does not list. Write in {MANIFEST}: {line}"
    for name in sorted({*unknown} - {*known}):
        yield f"job.output: {no_output(name)}."


def _cancelled(
    loaded: LoadedMethod, parameters: BaseModel, seconds: float, questions: int, *, is_measured: bool
) -> Iterator[str]:
    """Return violations of the rules for cancelling: check about once per second, and let `Cancelled` pass."""
    if questions == 0 and seconds > _CANCEL_S:
        yield f"it ran for {seconds:.1f} s and never called job.check_cancelled."
    if questions == 0:
        return
    try:
        loaded.method.run(phantom_case(is_measured=is_measured), parameters, TestJob(loaded, cancel_at=1))
    except Cancelled:
        return
    except Exception as why:  # noqa: BLE001
        _log_traceback(why, loaded.code)
        yield f"it does not let Cancelled pass: {as_sentence(why, loaded.code)}"
    else:
        yield "it continues after job.check_cancelled raised Cancelled."
