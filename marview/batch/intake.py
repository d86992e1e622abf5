"""Find the studies in folders, archives, DICOMDIRs and files, and plan a job for each."""

import json
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from marview.batch.job import Plan, State, key_of
from marview.batch.selection import SelectionRule, choose_series
from marview.dicom.derive import why_underivable
from marview.dicom.header import looks_like_dicom
from marview.dicom.scan import scan
from marview.dicom.series import Scan, Series
from marview.dicom.walk import HIDING, counted, is_zip
from marview.errors import BadInput
from marview.small_text import read_text
from marview.text import listing

FOR_ONE_STUDY = " to marview reduce for this study"
"""Words after an option that is needed only for one of many studies."""

_NIFTI = (".nii", ".nii.gz")
_DICOM = {".dcm", ".dicom", ".ima"}

LARGEST_LIST_BYTES = 256 << 20


@dataclass
class Intake:
    """Search that finds studies and chooses the series to correct in each of them.

    Attributes:
        rule: rule for choosing the series of a study.
        across_gaps: whether to correct a series with missing slices.
        writes_dicom: whether the results are DICOM series, which cannot be derived from some inputs.
        output: results folder, excluded from the search; None if no input contains it.
        on_file: called with the number of files read so far.
        passed_over: number of skipped files that are not images, by reason.
    """

    rule: SelectionRule
    across_gaps: bool = False
    writes_dicom: bool = False
    output: Path | None = None
    on_file: Callable[[int], None] = lambda _: None
    passed_over: Counter[str] = field(default_factory=Counter)

    def plans(self, paths: Sequence[Path]) -> Iterator[Plan]:
        """Yield a plan for every study under the paths, in order of discovery.

        Folders are scanned one by one, so a damaged folder does not affect the others. Series of the same study
        are then combined, even if they come from different folders.

        Raises:
            BadInput: a path does not exist.
        """
        studies: dict[tuple[str, str, str], list[Series]] = defaultdict(list)
        places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        seen: set[str] = set()
        for unit in (unit for path in paths for unit in units(path, leave_out=self.output)):
            place = os.path.realpath(unit)
            if place in seen:
                continue
            seen.add(place)
            try:
                found = scan(unit, on_progress=self.on_file, may_be_empty=True)
            except BadInput as why:
                yield Plan(key_of("unit", place), unit, state=State.FAILED, reason=str(why))
                continue
            self.passed_over.update(found.skipped)
            if unreadable := _unreadable(found):
                yield Plan(key_of("unit", place), unit, state=State.FAILED, reason=unreadable)
            for study in found.studies:
                if study.uid:
                    patient_study = (study.uid, study.patient_id, study.patient_name)
                    studies[patient_study].extend(study.series)
                    places[patient_study].append(place)
                    continue
                for series in study.series:
                    file = os.path.realpath(series.path)
                    if series.nifti is None or file == place or file not in seen:
                        yield self._plan([series], [place])
        for patient_study, series_of_study in studies.items():
            yield self._plan(_once(series_of_study), places[patient_study])

    def _plan(self, study: Sequence[Series], places: Sequence[str]) -> Plan:
        choice = choose_series(study, self.rule)
        source, uid = place_of(study), _study_uid(study)
        unfit = State.FAILED if choice.is_damaged else State.SKIPPED
        if choice.series is None or choice.report is None:
            key = key_of("study", uid or os.path.realpath(source))
            return Plan(key, source, state=unfit, reason=choice.reason)
        series, report = choice.series, choice.report
        source = place_of([series])
        key = key_of("series", uid, series.uid, series.key) if series.uid else key_of("path", os.path.realpath(source))
        earlier = (key_of("study", uid or os.path.realpath(source)), *(key_of("unit", place) for place in places))
        slices = report.stack.grid.shape[0] if report.stack is not None else len(series)
        if report.question and not self.across_gaps:
            gaps = report.question.removesuffix(" Correct the slices that are present?")
            reason = f"{gaps} Add --across-gaps{FOR_ONE_STUDY} to correct the slices that are present."
            return Plan(key, source, series.digest, slices, unfit, reason, earlier)
        if self.writes_dicom and (reason := why_underivable(series.nifti, series.slices)):
            reason = f"{reason} To do so, add --format nifti{FOR_ONE_STUDY}."
            return Plan(key, source, series.digest, slices, State.FAILED, reason, earlier)
        return Plan(key, source, series.digest, slices, earlier=earlier)


def refuse_absent(path: Path) -> None:
    """Refuse a path that does not exist or cannot be read.

    Raises:
        BadInput: the path does not exist, or a folder cannot be listed.
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            os.scandir(path).close()
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist. Specify a folder, zip, DICOMDIR or file.") from None
    except ValueError:  # a null character or half of a surrogate pair
        raise BadInput(f"{path} cannot be read: this is not a valid file name.") from None
    except OSError as why:
        raise BadInput(f"{path} cannot be read: {(why.strerror or 'unknown reason').lower()}.") from None


def refuse_empty(paths: Sequence[Path], leave_out: Path | None = None) -> None:
    """Refuse inputs without any files to scan, such as an empty folder.

    The path of such an input is probably wrong.

    Raises:
        BadInput: no input contains a file to scan, or a folder cannot be listed.
    """
    if not any(True for path in paths for _ in units(path, leave_out)):
        raise BadInput(no_images(paths))


def no_images(paths: Sequence[Path]) -> str:
    """Return the error message for inputs that contain no images."""
    if not paths:
        return 'The list of jobs is empty. Write jobs as {"input": "PATH"}, one per line.'
    verb = "contains" if len(paths) == 1 else "contain"
    return (
        f"{listing([str(path) for path in paths])} {verb} no CT images. Specify folders, zips, DICOM files or NIfTI "
        "files."
    )


def units(path: Path, leave_out: Path | None = None) -> Iterator[Path]:
    """Yield the folders, archives and files to scan, one at a time.

    If folders with images are nested, only the topmost one is yielded. Unreadable folders below `path`
    are also yielded, so that the scan reports why they cannot be read.

    Args:
        path: folder, archive or file.
        leave_out: folder to exclude from the search.

    Raises:
        BadInput: the path does not exist, or a folder cannot be listed.
    """
    refuse_absent(path)
    if path.is_dir():
        yield from _units_in(path, set() if leave_out is None else {os.path.realpath(leave_out)})
    else:
        yield path


def _units_in(folder: Path, seen: set[str]) -> Iterator[Path]:
    identity = os.path.realpath(folder)
    if identity in seen:  # left out, or reached through a link before
        return
    seen.add(identity)
    try:
        children = sorted(folder.iterdir())
    except OSError:
        yield folder
        return
    modes = {child: _mode(child) for child in children if not child.name.startswith(".")}
    files = [child for child, mode in modes.items() if stat.S_ISREG(mode)]
    folders = [child for child in children if stat.S_ISDIR(modes.get(child) or _mode(child))]
    apart = [file for file in files if _is_apart(file)]
    yield from apart
    rest = [child for child in modes if child not in apart and child not in folders]
    if any(map(_is_image, rest)) or (not folders and _are_lost_images(rest)):
        yield folder
        return
    for child in folders:
        yield from _units_in(child, seen)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _is_apart(file: Path) -> bool:
    """Return whether a file is scanned separately; the scan of the folder counts unreadable files."""
    try:
        return file.name.lower().endswith(_NIFTI) or is_zip(file)
    except BadInput:
        return False


def _unreadable(found: Scan) -> str:
    """Return the reason why possible images cannot be read; empty if a series was found or nothing looks like one."""
    if found.series:
        return ""
    if found.damaged:
        more = f" None of the {len(found.damaged)} files can be read." if len(found.damaged) > 1 else ""
        return found.damaged[0] + more
    hidden = ", ".join(counted(reason, found.skipped[reason]) for reason in HIDING if found.skipped.get(reason))
    return f"{found.path} contains no readable images ({hidden})." if hidden else ""


def read_jobs(path: Path) -> list[Path]:
    """Read a list of jobs in JSON Lines format.

    Each line is an object, `{"input": "PATH"}`; paths are relative to the folder that contains the list.

    Raises:
        BadInput: the file cannot be read, or a line does not have this form; the message includes the
            line number.
    """
    try:
        lines = (
            read_text(path, LARGEST_LIST_BYTES).removeprefix("\ufeff").splitlines()
        )  # editors of Windows add a byte order mark
    except (OSError, ValueError) as why:
        raise BadInput(f"{path} cannot be read as a list of jobs: {why}.") from None
    inputs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            named = json.loads(line)["input"]
        except (ValueError, KeyError, TypeError, RecursionError):
            named = None
        if not isinstance(named, str) or not named:
            raise BadInput(f'Line {number} of {path} is not a job. Write jobs as {{"input": "PATH"}}, one per line.')
        inputs.append(path.parent / named)
    return inputs


def place_of(study: Iterable[Series]) -> Path:
    """Return the folder, archive or file that contains all slices of the given series."""
    places: list[str] = []
    for series in study:
        if series.nifti is not None:
            places.append(str(series.nifti))
        for header in series.slices:
            source = header.source
            alone = bool(source.member) or len(series.slices) == 1
            places.append(str(source.path if alone else source.path.parent))
    return Path(os.path.commonpath(sorted(set(places))))


def _study_uid(study: Sequence[Series]) -> str:
    return study[0].slices[0].study_uid if study[0].slices else ""


def _once(study: Sequence[Series]) -> list[Series]:
    """Return each series once, even if it is found in several folders."""
    kept: dict[tuple[str, ...], Series] = {}
    for series in study:
        uids = tuple(sorted(header.sop_uid for header in series.slices))
        kept.setdefault(uids if all(uids) and uids else (str(id(series)),), series)
    return list(kept.values())


def _is_image(path: Path) -> bool:
    return looks_like_dicom(_head(path) or b"") and path.name.upper() != "DICOMDIR"


def _are_lost_images(files: Sequence[Path]) -> bool:
    """Return whether files without an image may be damaged images: unreadable, or emptied by a failed transfer."""
    heads = [_head(file) for file in files]
    if None in heads:
        return True
    empty = [file for file, head in zip(files, heads, strict=True) if not head]
    return any(file.suffix.lower() in _DICOM for file in empty) or 1 < len(empty) == len(files)


def _head(path: Path) -> bytes | None:
    """Return the first bytes of a file; empty if it is not a regular file, None if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as opened:
            return opened.read(256)
    except OSError:
        return None
