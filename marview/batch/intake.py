"""Finds the studies under paths (folders, archives, DICOMDIRs and files) and makes a job for each."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from marview.batch.job import Plan, State, key_of
from marview.batch.selection import SelectionRule, choose_series
from marview.dicom.header import looks_like_dicom
from marview.dicom.scan import scan
from marview.dicom.series import Series
from marview.dicom.walk import is_zip
from marview.errors import BadInput

_NIFTI = (".nii", ".nii.gz")


@dataclass
class Intake:
    """Finds studies and chooses their series.

    Attributes:
        rule: rule that chooses the series of a study.
        across_gaps: whether to correct a series with missing slices.
        on_file: called with the number of files read so far.
        passed_over: number of files that are not images, by reason.
    """

    rule: SelectionRule
    across_gaps: bool = False
    on_file: Callable[[int], None] = lambda _: None
    passed_over: Counter[str] = field(default_factory=Counter)

    def plans(self, paths: Sequence[Path]) -> Iterator[Plan]:
        """Yield a plan for every study under the paths, in the order of discovery.

        Folders are scanned leaf by leaf, so that a damaged one fails alone; series of one study are joined again.

        Raises:
            BadInput: a path does not exist.
        """
        studies: dict[tuple[str, ...], list[Series]] = defaultdict(list)
        seen: set[str] = set()
        for unit in (unit for path in paths for unit in units(path)):
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
            if not found.series and found.damaged:
                more = f" All {len(found.damaged)} files are damaged." if len(found.damaged) > 1 else ""
                yield Plan(key_of("unit", place), unit, state=State.FAILED, reason=found.damaged[0] + more)
            for study in found.studies:
                for series in study.series if not study.uid else ():
                    yield self._plan([series])
                if study.uid:
                    studies[study.uid, study.patient_id, study.patient_name].extend(study.series)
        for series_of_study in studies.values():
            yield self._plan(_once(series_of_study))

    def _plan(self, study: Sequence[Series]) -> Plan:
        choice = choose_series(study, self.rule)
        source, uid = place_of(study), _study_uid(study)
        unfit = State.FAILED if choice.is_damaged else State.SKIPPED
        if choice.series is None or choice.report is None:
            key = key_of("study", uid or os.path.realpath(source))
            return Plan(key, source, state=unfit, reason=choice.reason)
        series, report = choice.series, choice.report
        source = place_of([series])
        key = key_of("series", uid, series.uid, series.key) if series.uid else key_of("path", os.path.realpath(source))
        slices = report.stack.grid.shape[0] if report.stack is not None else len(series)
        if report.question and not self.across_gaps:
            gaps = report.question.removesuffix(" Correct the slices that are there?")
            reason = f"{gaps} Add --across-gaps to correct the rest."
            return Plan(key, source, series.digest, slices, unfit, reason)
        return Plan(key, source, series.digest, slices)


def units(path: Path) -> Iterator[Path]:
    """List folders, archives and files to scan one by one: the topmost folders that contain images.

    Raises:
        BadInput: the path does not exist, or a folder cannot be listed.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist. Name a folder, zip, DICOMDIR or file.")
    if not path.is_dir():
        yield path
        return
    try:
        children = sorted(path.iterdir())
    except OSError as why:
        raise BadInput(f"{path} cannot be listed: {(why.strerror or 'unknown reason').lower()}.") from None
    files = [child for child in children if child.is_file() and not child.name.startswith(".")]
    apart = [file for file in files if file.name.lower().endswith(_NIFTI) or is_zip(file)]
    yield from apart
    if any(_is_image(file) for file in files if file not in apart):
        yield path
        return
    for folder in children:
        if folder.is_dir() and not folder.is_symlink():
            yield from units(folder)


def read_jobs(path: Path) -> list[Path]:
    """Read a JSON-lines list of jobs: one object per line, `{"input": "PATH"}`, relative to the list's folder.

    Raises:
        BadInput: the file cannot be read, or a line is not such an object; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as why:
        raise BadInput(f"{path} cannot be read as a list of jobs: {why}.") from None
    inputs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            named = json.loads(line)["input"]
            inputs.append(path.parent / str(named))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadInput(f'Line {number} of {path} is not a job. Write {{"input": "PATH"}}, one per line.') from None
    return inputs


def place_of(study: Iterable[Series]) -> Path:
    """Return the folder, archive or file that holds all slices of a series."""
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
    """Return each series once, even if it is in several places."""
    kept: dict[tuple[str, ...], Series] = {}
    for series in study:
        uids = tuple(sorted(header.sop_uid for header in series.slices))
        kept.setdefault(uids if all(uids) and uids else (str(id(series)),), series)
    return list(kept.values())


def _is_image(path: Path) -> bool:
    try:
        with path.open("rb") as opened:
            return looks_like_dicom(opened.read(256)) and path.name.upper() != "DICOMDIR"
    except OSError:
        return False
