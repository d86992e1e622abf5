"""Store the ratings of one reader in a file that keeps every rating, including those changed later."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from marview.dicom.atomic import whole_file
from marview.errors import BadInput, UsageError
from marview.small_text import read_text

GRADES = range(1, 6)
CRITERIA = ("readability", "correctness")


@dataclass(frozen=True)
class Rating:
    """A reader's grades for one pair, each from 1 to 5.

    Attributes:
        pair: number of the pair.
        readability: grade for how well the anatomy can be seen.
        correctness: grade for how correctly the corrected slice shows the anatomy.
        time: time of the rating, ISO 8601 in UTC.
    """

    pair: str
    readability: int
    correctness: int
    time: str = ""

    def __post_init__(self) -> None:
        if self.readability not in GRADES or self.correctness not in GRADES:
            raise ValueError(f"grades must be 1 to 5, not {self.readability} and {self.correctness}")

    @property
    def grades(self) -> tuple[int, int]:
        """Return the grades for readability and correctness."""
        return self.readability, self.correctness


_HEADER = [each.name for each in fields(Rating)]


@dataclass(frozen=True)
class RatingsFile:
    """CSV file with one line per rating.

    A changed rating is added as a new line; the last line for a pair counts.
    """

    path: Path

    def latest(self) -> dict[str, Rating]:
        """Return the latest rating of each pair.

        Raises:
            BadInput: the file cannot be read; the message names the line.
        """
        return {rating.pair: rating for rating in self._lines()}

    def add(self, pair: str, readability: int, correctness: int) -> Rating:
        """Add a rating by rewriting the whole file, including all earlier lines.

        Raises:
            CannotWrite: the disk is full or read-only.
        """
        rating = Rating(pair, readability, correctness, datetime.now(UTC).isoformat(timespec="seconds"))
        before = self.path.read_bytes() if self.path.exists() else _line(_HEADER)
        with whole_file(self.path) as part:
            part.write_bytes(before + (b"" if before.endswith(b"\n") else b"\n") + _line(astuple(rating)))
        return rating

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Lock the file for this process, so that a reader cannot enter ratings in two windows at once.

        Raises:
            UsageError: another process has this reader's ratings open.
            BadInput: the folder cannot be written to.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"), timeout=0)
            lock.acquire()
        except Timeout:
            raise UsageError(
                f"Another window is open for the reader {self.path.stem}. Close it, or choose another name."
            ) from None
        except OSError as why:
            raise BadInput(f"{self.path.parent} cannot be written: {why.strerror or 'unknown reason'}.") from None
        try:
            yield
        finally:
            lock.release()

    def _lines(self) -> Iterator[Rating]:
        if not self.path.exists():
            return
        try:
            rows = list(csv.reader(read_text(self.path).removeprefix("\ufeff").splitlines()))
        except (OSError, ValueError, csv.Error) as why:
            raise BadInput(f"{self.path} cannot be read as a table of ratings.") from why
        for number, row in enumerate(rows[1:], 2):
            if row:
                try:
                    pair, readability, correctness, time = row
                    yield Rating(pair, int(readability), int(correctness), time)
                except ValueError as why:
                    raise BadInput(
                        f"{self.path}, line {number} is not a rating. Correct the line; its columns are "
                        f"{', '.join(_HEADER)}."
                    ) from why


def _line(values: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()
