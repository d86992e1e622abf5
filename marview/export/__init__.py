"""Write results to NIfTI, npz, PNG, table and text files; partial files are removed if writing fails."""

from marview.dicom.atomic import claimed, whole_file, whole_folder
from marview.dicom.cannot_write import CannotWrite
from marview.export.arrays import corrected_hu, write_nifti, write_npz
from marview.export.corrected import (
    Corrected,
    Format,
    gap_note,
    refuse_up_front,
    write_corrected,
    write_corrected_nifti,
)
from marview.export.masks import MASK_SUFFIXES, refuse_mask_name, write_mask, write_nrrd
from marview.export.pictures import picture, save_picture, write_png, write_pngs
from marview.export.tables import write_csv, write_json, write_text

__all__ = [
    "MASK_SUFFIXES",
    "CannotWrite",
    "Corrected",
    "Format",
    "claimed",
    "corrected_hu",
    "gap_note",
    "picture",
    "refuse_mask_name",
    "refuse_up_front",
    "save_picture",
    "whole_file",
    "whole_folder",
    "write_corrected",
    "write_corrected_nifti",
    "write_csv",
    "write_json",
    "write_mask",
    "write_nifti",
    "write_npz",
    "write_nrrd",
    "write_png",
    "write_pngs",
    "write_text",
]
