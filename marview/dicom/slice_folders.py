"""Folders that hold slices, found out before a study is read: nothing is written among them."""

import os
from itertools import islice
from pathlib import Path

from marview.dicom.header import looks_like_dicom
from marview.dicom.source import open_regular
from marview.originals import note_series, refuse_original

_PEEKED = 50


def refuse_among_slices(target: Path, source: Path) -> None:
    """Refuse a target in or below a folder of slices that lies in what is searched for studies.

    Args:
        target: where something is to be written.
        source: what is searched; folders outside of it are nobody's source.

    Raises:
        UsageError: the target lies there.
    """
    top = Path(os.path.realpath(source))
    for folder in Path(os.path.realpath(target)).parents:
        if folder.is_relative_to(top) and folder.is_dir():
            note_series(file for file in islice(sorted(folder.iterdir()), _PEEKED) if _is_dicom(file))
    refuse_original(target)


def _is_dicom(file: Path) -> bool:
    try:
        with open_regular(file) as stream:
            return looks_like_dicom(stream.read(256))
    except OSError:
        return False
