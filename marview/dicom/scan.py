"""Find the studies and series under a path: headers only, never blocking."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from marview.dicom.header import DICOMDIR, NotDicom, SliceHeader, read_header
from marview.dicom.quiet import quiet
from marview.dicom.series import Scan, Series, Study
from marview.dicom.split import split
from marview.dicom.walk import walk
from marview.errors import BadInput


def scan(
    path: Path | str,
    *,
    on_progress: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Scan:
    """Find the series in a folder, zip or file. Pixels are not read.

    A single file gives a series of that one slice. What is not one volume (sizes, orientations, phases, scouts, two
    patients under one UID) is split into several series.

    Args:
        path: a folder (searched to any depth), a zip, a DICOM file with or without extension, or a NIfTI file.
        on_progress: called with the number of files looked at so far.
        is_cancelled: asked before each file; when it says yes, what was found so far is returned.

    Raises:
        BadInput: nothing there can be shown; the sentence says what was found instead.

    >>> scan("/nowhere")
    Traceback (most recent call last):
    marview.errors.BadInput: /nowhere cannot be opened: no such file or directory.
    """
    path = Path(path)
    skipped: Counter[str] = Counter()
    damaged: list[str] = []
    headers: list[SliceHeader] = []
    volumes: list[Series] = []
    with quiet():
        for number, source in enumerate(walk(path, skipped)):
            if is_cancelled is not None and is_cancelled():
                break
            if on_progress is not None:
                on_progress(number)
            if not source.member and source.name.lower().endswith((".nii", ".nii.gz")):
                volumes.append(Series("", str(source.path), (), nifti=source.path))
                continue
            try:
                header = read_header(source)
            except NotDicom:
                skipped["not DICOM"] += 1
            except BadInput as why:
                damaged.append(str(why))
            else:
                if header.sop_class == DICOMDIR:
                    skipped["DICOMDIR"] += 1
                elif header.rows == 0 or header.columns == 0:
                    skipped["without an image"] += 1
                else:
                    headers.append(header)
    studies = _studies(headers, damaged)
    if volumes:
        studies += (Study("", tuple(volumes)),)
    if not studies and not (is_cancelled is not None and is_cancelled()):
        raise BadInput(_nothing(path, skipped, damaged))
    return Scan(path, studies, dict(skipped), tuple(damaged))


def _nothing(path: Path, skipped: Counter[str], damaged: list[str]) -> str:
    if damaged:
        return damaged[0] if len(damaged) == 1 else f"{damaged[0]} So it is with all {len(damaged)} files in {path}."
    if skipped:
        found = ", ".join(f"{number} {reason}" for reason, number in sorted(skipped.items()))
        return f"{path} holds no CT images ({found}). Open a folder, zip or file of DICOM or NIfTI."
    return f"{path} is empty. Open a folder, zip or file of DICOM or NIfTI."


def _studies(headers: Iterable[SliceHeader], damaged: list[str]) -> tuple[Study, ...]:
    by_study: dict[tuple[str, ...], dict[tuple[str, ...], list[SliceHeader]]] = defaultdict(lambda: defaultdict(list))
    patients_of: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for header in headers:
        patient = (header.patient_id, header.patient_name.casefold())
        patients_of[header.series_uid].add(patient)
        by_study[(header.study_uid, *patient)][_series_key(header)].append(header)
    studies = []
    for (uid, *_), series in by_study.items():
        parts = [
            part
            for slices in series.values()
            for part in split(slices, has_other_patient=len(patients_of[slices[0].series_uid]) > 1)
        ]
        parts.sort(key=lambda part: (part.slices[0].series_number or 0, part.key))
        first = parts[0].slices[0]
        if len(by_study) == 1 and len(parts) == 1 and damaged:
            parts[0] = Series(parts[0].uid, parts[0].key, parts[0].slices, parts[0].split, damaged=tuple(damaged))
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


def _series_key(header: SliceHeader) -> tuple[str, ...]:
    if header.series_uid:
        return (header.series_uid,)
    folder = str(header.source.path.parent) + "/" + str(Path(header.source.member).parent)
    return ("", folder, header.series_description, str(header.series_number), header.frame_of_reference_uid)
