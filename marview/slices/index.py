"""Read `index.csv`, which describes the pages of TIFF stacks."""

import csv
from pathlib import Path

from marview.errors import BadInput

INDEX = "index.csv"
_MOST_DIGITS = 9
_NOBODY = {"", "-", "?", "anonymous", "n/a", "na", "nan", "none", "unknown"}


def read_index(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's `index.csv` as dictionaries keyed by column; [] if there is no such file.

    Raises:
        BadInput: the file is not a UTF-8 CSV file, or has no column `file`.

    >>> read_index(Path("/nowhere"))
    []
    """
    path = folder / INDEX
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            columns = reader.fieldnames or []
            rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{path}, which names the licences and patients of the slices, cannot be read: it is not CSV in UTF-8. "
            'Save it in that format ("CSV UTF-8" in Excel), or remove it if you do not need this information.'
        ) from error
    if "file" not in columns:
        raise BadInput(
            f"{path}, which names the licences and patients of the slices, has no column named file. Its first line "
            "must name the columns, with commas between them, such as file,page,patient,collection,licence. Correct "
            "the first line, or remove the file if you do not need this information."
        )
    return rows


def patients_of(stack: Path, pages: int) -> list[str]:
    """Return the patient of each page of a stack, or an empty string if unknown.

    The patients are listed in the `index.csv` in the stack's folder. A row without a page number applies
    to all pages without a row of their own.

    Raises:
        BadInput: as for `read_index`, or the index lists a page that the stack does not contain.
    """
    rows = [row for row in read_index(stack.parent) if row["file"] == stack.name]
    found = [""] * pages
    for row in sorted(rows, key=lambda row: row.get("page", "") != ""):
        named, page = row.get("patient", ""), row.get("page", "")
        patient = "" if named.lower() in _NOBODY else named
        if not page:
            found = [patient] * pages
        elif page.isdecimal() and len(page) <= _MOST_DIGITS and int(page) < pages:
            found[int(page)] = patient
        else:
            raise BadInput(
                f"{stack.parent / INDEX} names page {page} of {stack.name}, whose pages are 0 to {pages - 1}. Correct "
                "the index, or remove it if you do not need patients and licences."
            )
    return found
