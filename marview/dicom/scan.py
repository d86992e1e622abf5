"""Find the studies and series under a path by reading headers, without blocking."""

import contextlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from marview.dicom.dicomdir import count_absent, listed
from marview.dicom.frames import frames_of, has_frames
from marview.dicom.header import CT_IMAGE, DICOMDIR, NotDicom, SliceHeader, is_directory_file, read_header
from marview.dicom.quiet import quiet
from marview.dicom.report import GET_AGAIN
from marview.dicom.series import Scan, Series, Study
from marview.dicom.source import Source
from marview.dicom.split import split
from marview.dicom.walk import ARCHIVE, HIDING, counted, is_archive, walk
from marview.errors import BadInput
from marview.text import translatable


def scan(
    path: Path | str,
    *,
    on_progress: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    may_be_empty: bool = False,
) -> Scan:
    """Find the series in a folder, zip or file, without reading pixels.

    A single file results in a series with one slice. Slices with the same series UID are split into
    several series if they do not form one volume, for example if they differ in size, orientation, phase
    or patient, or if some are scouts.

    Args:
        path: folder (searched recursively), zip, DICOM file with or without extension, or NIfTI file.
        on_progress: called with the number of files read so far.
        is_cancelled: called before each file; if it returns True, the series found so far are returned.
        may_be_empty: whether to return a scan without studies instead of raising an error.

    Raises:
        BadInput: the path contains no images that can be shown; the message says what was found instead.

    >>> scan("/nowhere")
    Traceback (most recent call last):
    marview.errors.BadInput: /nowhere cannot be opened: no such file or directory.
    """
    path = Path(path)
    finds = _Finds()
    with quiet():
        for number, source in enumerate(_sources(path, finds.skipped)):
            if is_cancelled is not None and is_cancelled():
                break
            if on_progress is not None:
                on_progress(number)
            finds.take(source)
    series_in: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for header in finds.headers:
        series_in[header.source.folder].add(_series_key(header))
    passed_over = finds.passed_over(series_in)
    studies = _studies(finds, series_in, passed_over)
    if finds.volumes:
        studies += (Study("", tuple(finds.volumes)),)
    if not studies and not may_be_empty and not (is_cancelled is not None and is_cancelled()):
        raise BadInput(finds.nothing(path))
    return Scan(path, studies, dict(finds.skipped), tuple(sentence for _, sentence in finds.damaged), passed_over)


def _sources(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    """Yield all files to read; for a DICOMDIR, the files it lists."""
    for source in walk(path, skipped):
        if source.path == path and not source.member and is_directory_file(source):
            yield from listed(path, skipped)
        else:
            yield source


@dataclass
class _Finds:
    """Headers and problems found in files, before grouping."""

    headers: list[SliceHeader] = field(default_factory=list)
    volumes: list[Series] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    """Folder and message."""

    def take(self, source: Source) -> None:
        if source.size == 0 and not Path(source.name).name.startswith("."):
            self.damaged.append((source.folder, f"{source.name} is an empty file (0 bytes)."))
            return
        if not source.member and source.name.lower().endswith((".nii", ".nii.gz")):
            self.volumes.append(Series("", str(source.path), (), nifti=source.path))
            return
        try:
            header = read_header(source)
        except NotDicom:
            self.skipped[ARCHIVE if is_archive(source) else "not DICOM"] += 1
        except BadInput as why:
            self.damaged.append((source.folder, str(why)))
        else:
            if header.sop_class == DICOMDIR:
                self.skipped["DICOMDIR"] += 1
                with contextlib.suppress(BadInput, OSError):  # the files themselves are read
                    count_absent(source, self.skipped)
            elif header.rows and header.columns and has_frames(header):
                self._take_frames(header)
            elif header.rows and header.columns:
                self.headers.append(header)
            elif header.is_cut or header.sop_class == CT_IMAGE:
                self.damaged.append((source.folder, f"{source.name} is truncated: it ends before its image."))
            else:
                self.skipped["without an image"] += 1

    def _take_frames(self, header: SliceHeader) -> None:
        try:
            self.headers += frames_of(header)
        except BadInput as why:
            self.damaged.append((header.source.folder, str(why)))

    def passed_over(self, series_in: Mapping[str, set[tuple[str, ...]]]) -> tuple[str, ...]:
        """Return messages about unread files that may contain slices.

        Damaged files beside a single series are left out, because the series reports them.
        """
        hidden = ", ".join(counted(reason, self.skipped[reason]) for reason in HIDING if self.skipped[reason])
        told = translatable(f"Skipped: {hidden}. The series may be missing slices; copy the files again.")
        sentences = [told] if hidden else []
        damaged = [text for folder, text in self.damaged if len(series_in.get(folder, ())) != 1]
        if damaged:
            others = f" In all, {len(damaged)} files cannot be read." if len(damaged) > 1 else ""
            sentences.append(f"{damaged[0]}{others} The series may be missing slices; copy the files again.")
        return tuple(sentences)

    def nothing(self, path: Path) -> str:
        """Return the reason why nothing can be shown."""
        if self.damaged:
            first = self.damaged[0][1]
            others = f" None of the {len(self.damaged)} files in {path} can be read." if len(self.damaged) > 1 else ""
            return f"{first}{others} {GET_AGAIN}"
        if self.skipped:
            found = ", ".join(counted(reason, number) for reason, number in sorted(self.skipped.items()))
            if self.skipped[ARCHIVE]:
                return f"{path} contains no CT images ({found}). Unpack the archives and open the folder."
            return f"{path} contains no CT images ({found}). Open a folder, zip, DICOM file or NIfTI file."
        return f"{path} contains no files. Open a folder, zip, DICOM file or NIfTI file."


def _studies(
    finds: _Finds, series_in: Mapping[str, set[tuple[str, ...]]], passed_over: tuple[str, ...]
) -> tuple[Study, ...]:
    by_study: dict[tuple[str, ...], dict[tuple[str, ...], list[SliceHeader]]] = defaultdict(lambda: defaultdict(list))
    patients_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for header in finds.headers:
        patient = (header.patient_id, _plain_name(header.patient_name))
        key = _series_key(header)
        if patient not in patients_of[header.series_uid]:
            patients_of[header.series_uid].append(patient)
        by_study[(header.study_uid, *patient)][key].append(header)
    keys: Counter[str] = Counter()
    studies = []
    for (uid, *who), series in by_study.items():
        parts: list[Series] = []
        for key, slices in series.items():
            patients = patients_of[slices[0].series_uid]
            other = patients.index((who[0], who[1])) + 1 if len(patients) > 1 and key[0] else 0
            near = [text for folder, text in finds.damaged if series_in.get(folder) == {key}]
            for part in split(slices, other_patient=other):
                keys[part.key] += 1
                own = part.key if keys[part.key] == 1 else f"{part.key}#study{keys[part.key]}"
                parts.append(replace(part, key=own, damaged=tuple(near), passed_over=passed_over))
        parts.sort(key=lambda part: (part.slices[0].series_number or 0, part.key))
        first = parts[0].slices[0]
        studies.append(
            Study(
                uid,
                tuple(parts),
                patient_name=first.patient_name,
                patient_id=first.patient_id,
                date=first.study_date,
                description=first.study_description,
            )
        )
    return tuple(studies)


def _plain_name(name: str) -> str:
    """Normalise a patient's name: case, empty components, spaces and the encoding of accents do not matter."""
    text = unicodedata.normalize("NFKC", name.casefold())
    groups = ("^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^") for group in text.split("="))
    return "=".join(groups).rstrip("=")


def _series_key(header: SliceHeader) -> tuple[str, ...]:
    if header.series_uid:
        return (header.series_uid,)
    return (
        "",
        header.source.folder,
        header.series_description,
        str(header.series_number),
        header.frame_of_reference_uid,
    )
