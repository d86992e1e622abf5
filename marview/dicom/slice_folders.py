"""Find the folders that contain slices before a study is read, so that marview does not write into them."""

import os
from itertools import islice
from pathlib import Path

from marview.dicom.header import looks_like_dicom
from marview.dicom.source import open_regular
from marview.originals import note_series, refuse_original

_PEEKED = 50


def refuse_among_slices(target: Path, source: Path) -> None:
    """Refuse to write in or below a folder of slices inside the searched folder.

    Args:
        target: file or folder to write.
        source: folder searched for studies; folders outside it are not checked.

    Raises:
        UsageError: the target is in or below a folder of slices.
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
