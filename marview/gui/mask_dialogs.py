"""File dialogs to import and export a metal mask."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from marview.session.exports import words_of
from marview.session.session import Session
from marview.text import tr, translatable

KINDS = {
    "NIfTI (*.nii.gz *.nii)": ".nii.gz",
    "NRRD (*.nrrd)": ".nrrd",
    translatable("DICOM segmentation (*.dcm)"): ".dcm",
}
"""File filters and their default extensions."""


def import_mask(session: Session, parent: QWidget) -> None:
    """Ask for a mask file and apply it to the series in view."""
    loaded = session.loaded
    if loaded is None:
        return
    every = tr("Metal masks") + " (*.nii *.nii.gz *.nrrd *.dcm);;" + tr("All files") + " (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, tr("Import a metal mask"), str(_folder(session)), every)
    if chosen:
        session.mask_files.read(Path(chosen), loaded)


def export_mask(session: Session, parent: QWidget) -> None:
    """Ask for a file name and format, and write the current mask."""
    loaded = session.loaded
    if loaded is None:
        return
    kinds = {tr(kind): end for kind, end in KINDS.items() if loaded.nifti is None or end != ".dcm"}
    proposed = _folder(session) / f"{words_of(loaded)}_metal.nii.gz"
    chosen, kind = QFileDialog.getSaveFileName(parent, tr("Export the metal mask"), str(proposed), ";;".join(kinds))
    if chosen:
        path = with_ending(Path(chosen), kinds.get(kind, ".nii.gz"))
        session.settings.export_folder = str(path.absolute().parent)
        session.mask_files.write(path, loaded)


def with_ending(path: Path, ending: str) -> Path:
    """Return the path with the extension of the chosen format.

    >>> with_ending(Path("hip_metal.nii.gz"), ".dcm").name
    'hip_metal.dcm'
    """
    known = (".nii.gz", ".nii", ".nrrd", ".dcm")
    if ending == ".nii.gz" and path.name.lower().endswith(".nii"):
        return path
    stem = next((path.name[: -len(one)] for one in known if path.name.lower().endswith(one)), path.name)
    return path.with_name(stem + ending)


def _folder(session: Session) -> Path:
    kept = session.settings.export_folder
    return Path(kept) if kept and Path(kept).is_dir() else Path.home()
