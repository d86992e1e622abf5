"""What an `index.csv` beside TIFF stacks says of their pages."""

import csv
from pathlib import Path

from marview.errors import BadInput

INDEX = "index.csv"
_NOBODY = {"", "unknown"}


def read_index(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's index, by the names in its first line; none where there is no index.

    Raises:
        BadInput: it is no CSV in UTF-8.

    >>> read_index(Path("/nowhere"))
    []
    """
    path = folder / INDEX
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(stream)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{path}, which names the licences and patients of the slices, cannot be read: it is not CSV in UTF-8. "
            'Save it as that ("CSV UTF-8" in Excel), or move it away if neither need be known.'
        ) from error


def patients_of(stack: Path) -> dict[int, str]:
    """Whose the pages of a stack are, as far as the index beside it says.

    Raises:
        BadInput: the index is no CSV in UTF-8.
    """
    return {
        int(row["page"]): patient
        for row in read_index(stack.parent)
        if row.get("file") == stack.name
        and row.get("page", "").isdecimal()
        and (patient := row.get("patient", "").strip()).lower() not in _NOBODY
    }
