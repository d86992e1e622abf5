"""A reader study in a folder: pairs of uncorrected and corrected slices, shuffled for each reader."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from marview.dicom.values import LEAST_MM, MOST_MM
from marview.errors import DAMAGED_ARRAYS, BadInput, UsageError
from marview.small_text import read_text

STUDY, IMAGES, RATINGS = "study.json", "images", "ratings"
_HU = np.dtype(np.int16)
_Length = Annotated[float, Field(ge=LEAST_MM, le=MOST_MM)]
_READER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Pair(BaseModel):
    """A slice before and after correction.

    Attributes:
        id: number of the pair in the study, which does not reveal the method.
        case: name of the case.
        method: name of the method, which readers never see.
        slice_number: number of the slice as shown to the user.
        pixel_mm: height and width of a pixel in mm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[0-9]{4,9}$")
    case: str
    method: str
    slice_number: int
    pixel_mm: tuple[_Length, _Length]


class Contents(BaseModel):
    """Contents of `study.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class ReaderStudy:
    """A reader study in a folder.

    Attributes:
        folder: folder with `study.json`, the images of the pairs and the ratings.
        seed: random seed for the order in which each reader sees the pairs.
        pairs: all pairs, ordered by number.
    """

    folder: Path
    seed: int
    pairs: tuple[Pair, ...]

    @classmethod
    def open(cls, folder: Path) -> "ReaderStudy":
        """Open the study in a folder.

        Raises:
            BadInput: the folder contains no reader study, or its list of pairs cannot be read.
        """
        path = folder / STUDY
        if not path.is_file():
            raise BadInput(f"{folder} contains no reader study. Create one with marview study new.")
        try:
            contents = Contents.model_validate_json(read_text(path))
        except (OSError, ValueError) as why:
            raise BadInput(f"{path} is damaged, so the reader study cannot be opened. Restore it from a copy.") from why
        return cls(folder, contents.seed, contents.pairs)

    def order(self, reader: str) -> tuple[Pair, ...]:
        """Return the pairs in a reader's order, which is random but reproducible."""
        digest = hashlib.sha256(f"{self.seed}/{reader}".encode()).digest()
        shuffled = np.random.default_rng(list(digest)).permutation(len(self.pairs))
        return tuple(self.pairs[at] for at in shuffled)

    def images(self, pair: Pair) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Read the uncorrected and the corrected slice of a pair, each in HU, `[y, x]`.

        Raises:
            BadInput: the file of the pair is missing or damaged.
        """
        path = self.folder / IMAGES / f"{pair.id}.npz"
        try:
            with path.open("rb") as stream:  # NumPy does not close a damaged file
                file = np.load(stream, allow_pickle=False)
                original, corrected = (file[name] for name in ("original", "corrected"))
        except (*DAMAGED_ARRAYS, KeyError) as why:
            raise BadInput(f"{path} is missing or damaged. Restore it from a copy of the study.") from why
        if original.ndim != 2 or original.shape != corrected.shape or {original.dtype, corrected.dtype} != {_HU}:
            raise BadInput(
                f"{path} does not contain two int16 slices of the same size. Restore it from a copy of the study."
            )
        return original, corrected

    def ratings_path(self, reader: str) -> Path:
        """Return the path of a reader's ratings file."""
        return self.folder / RATINGS / f"{reader}.csv"

    def readers(self) -> tuple[str, ...]:
        """Return the names of the readers who have given ratings."""
        return tuple(sorted(path.stem for path in (self.folder / RATINGS).glob("*.csv")))


def reader_name(name: str) -> str:
    """Convert a reader's name to lower case, because some file systems do not distinguish case in file names.

    Raises:
        UsageError: the name contains characters other than letters, digits, hyphens and underscores.
    """
    known = name.lower()
    if not _READER.fullmatch(known):
        raise UsageError(
            f"{name!r} is not a valid reader name. Use letters, digits, hyphens and underscores, such as reader-1."
        )
    return known
