"""Check whether a training run can start or resume in a folder, and find the file to resume from."""

from pathlib import Path

from marview.dicom.atomic import check_file
from marview.dicom.parts import PART
from marview.errors import UsageError
from marview.learning.journal import CURVE, DAMAGED
from marview.learning.model_card import CARD
from marview.learning.record import RECORD
from marview.learning.state import STATE

WEIGHTS = "weights.safetensors"
"""Name of the weights file of a run."""

_BEFORE_STATE = {CURVE, DAMAGED, RECORD, CARD, "pictures", "tensorboard"}
"""Files that a run may write before its first saved state."""


def check_folder(folder: Path, *, is_resumed: bool) -> None:
    """Check that a run can start or resume in a folder, before any data is read.

    Raises:
        UsageError: the folder or a parent folder is a file, the folder contains a run although `is_resumed`
            is False, or it contains no run to resume.
        CannotWrite: the folder cannot be written.
    """
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise UsageError(f"{folder} cannot contain a run: {there} is a file. Choose another folder.")
    if held(folder) is None and is_resumed:
        raise UsageError(f"{folder} contains no run to resume. Omit --resume to start a new run.")
    if held(folder) is not None and not is_resumed:
        raise UsageError(f"{folder} already contains a run. Add --resume to continue it, or choose another folder.")
    if held(folder) is None and (foreign := _foreign(folder)):
        raise UsageError(
            f"{folder} contains {foreign}, which is not part of a run. Choose a new folder, or an empty one."
        )
    check_file(folder / STATE)


def _foreign(folder: Path) -> str:
    """Return the name of a file in the folder that is not part of a new run; empty if there is none."""
    names = {one.name for one in folder.iterdir() if not one.name.startswith(PART)} if folder.is_dir() else set()
    return min(names - _BEFORE_STATE, default="")


def held(folder: Path) -> Path | None:
    """Return the file from which the run in a folder can resume; None if there is none."""
    return next((folder / name for name in (STATE, WEIGHTS) if (folder / name).is_file()), None)
