"""Write the human-readable records of a run: learning curve (CSV), TensorBoard log and preview images (PNG)."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from marview.errors import BadInput
from marview.export import picture, save_picture, whole_file, write_csv
from marview.learning.log import Log
from marview.physics.attenuation import mu_to_hu

CURVE = "curve.csv"
DAMAGED = "curve.damaged.csv"
_WIDTH_HU, _LEVEL_HU = 500.0, 40.0
_GAP_PX = 4


class Journal:
    """Learning curve, TensorBoard log and preview images in a run folder.

    Args:
        folder: folder of the run.
        upto: last step to keep; a resumed run returns to its last state and drops later rows.
        tell: function called with a message if an earlier record cannot be continued.
        has_log: whether to write the TensorBoard log, if tensorboardX is installed.
    """

    def __init__(
        self, folder: Path, upto: int = 0, tell: Callable[[str], None] = lambda _: None, *, has_log: bool = True
    ) -> None:
        self._folder = folder
        self.rows = [row for row in _curve(folder, tell) if float(row["step"]) <= upto] if upto else []
        self._log = Log(folder / "tensorboard", tell) if has_log else None

    def note(self, row: Mapping[str, float]) -> None:
        """Add a row to the learning curve: the step, the minutes and the measured values by name.

        Raises:
            CannotWrite: the disk is full or read-only.
        """
        self.rows.append({name: f"{value:.6g}" for name, value in row.items()})
        names = list(dict.fromkeys(name for each in self.rows for name in each))
        write_csv(self._folder / CURVE, [{name: each.get(name, "") for name in names} for each in self.rows])
        if self._log is not None:
            for name, value in row.items():
                self._log.add_number(name.replace(" ", "/", 1), value, int(row["step"]))
            self._log.flush()

    def show(self, step: int, pictures: Mapping[str, Tensor]) -> Path:
        """Write the preview images of a step side by side to one PNG file, and return its path.

        Each picture is an image `[y, x]` in 1/cm or a sinogram `[view, bin]`.

        Raises:
            CannotWrite: the disk is full or read-only.
        """
        strip = _strip([grey(each) for each in pictures.values()])
        path = self._folder / "pictures" / f"step_{step:07d}.png"
        path.unlink(missing_ok=True)  # a run repeats its last steps after an interruption
        with whole_file(path) as part:
            save_picture(Image.fromarray(strip), part)
        if self._log is not None:
            self._log.add_picture("pictures", strip, step)
            self._log.flush()
        return path

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


def grey(image: Tensor) -> NDArray[np.uint8]:
    """Convert an image or a sinogram to grey levels.

    A square array is an image in 1/cm and gets a soft-tissue window. Any other array is a sinogram and is
    scaled from its minimum to its maximum.
    """
    values = image.detach().float().cpu()
    if values.shape[0] == values.shape[1]:
        return picture(mu_to_hu(values).numpy(), _WIDTH_HU, _LEVEL_HU)
    lowest, highest = float(values.min()), float(values.max())
    return picture(values.numpy(), max(highest - lowest, 1e-6), (highest + lowest) / 2)


def _strip(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height = max(len(each) for each in pictures)
    parts: list[NDArray[np.uint8]] = []
    for each in pictures:
        canvas = np.zeros((height, each.shape[1] + _GAP_PX), np.uint8)
        canvas[: len(each), : each.shape[1]] = each
        parts.append(canvas)
    return np.concatenate(parts, axis=1)


def read_curve(folder: Path) -> list[dict[str, str]]:
    """Read the learning curve of a run, oldest row first; empty if there is none.

    Raises:
        BadInput: the file cannot be read.
    """
    path = folder / CURVE
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        for row in rows:
            float(row["step"])
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read as a learning curve. Save it as UTF-8, or move it away.") from error
    return rows


def _curve(folder: Path, tell: Callable[[str], None]) -> list[dict[str, str]]:
    """Read the curve to continue; rename a damaged one and start a new one."""
    try:
        return read_curve(folder)
    except BadInput:
        aside = (folder / CURVE).replace(folder / DAMAGED)
        tell(f"{folder / CURVE} cannot be read as a learning curve, so a new one starts. The old one is now {aside}.")
        return []
