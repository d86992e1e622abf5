"""Text labels in the corners of an image."""

import numpy as np

from marview.geometry import Grid
from marview.gui.series_list import patient_title
from marview.session.display import Display
from marview.session.session import Session


def patient_words(session: Session, display: Display) -> str:
    """Return the patient and study date of the series in view; empty if the name is hidden."""
    chosen = session.library.chosen
    return "" if chosen is None or display.is_anonymous else patient_title(chosen.study)


def slice_words(grid: Grid, display: Display) -> str:
    """Return the number, anatomical position and thickness of the slice in view, as text."""
    lps = grid.to_patient((display.slice_index, (grid.shape[1] - 1) / 2, (grid.shape[2] - 1) / 2))
    axis = int(np.abs(grid.affine[:3, 0]).argmax())
    letter = ("LR", "PA", "HF")[axis][0 if lps[axis] >= 0 else 1]
    place = f"{letter} {abs(lps[axis]):.1f} mm  ·  {grid.spacing_mm[0]:.1f} mm"
    return f"{display.slice_number} / {display.slice_count}\n{place}"
