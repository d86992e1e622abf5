"""Bring the catalogues of the window's words up to date: `make translations` calls it.

    python tools/translations.py

Every text that passes through `tr`, `translatable`, `plural` or `count`, the titles of the actions, and what the window
shows of methods, presets and DICOM findings is collected. Each `resources/translations/LANGUAGE/LC_MESSAGES/marview.po`
gets what is new and loses what is gone; what is there stays. Translate its empty entries with any editor of `.po` files
(Poedit, Weblate, a text editor), then run this again: it also writes `marview.mo`, which the window reads.

To begin another language: `pybabel init --input-file build/marview.pot --output-dir resources/translations --domain
marview --locale fr`, then add its name to `LANGUAGES` in `marview/gui/language.py`.
"""

import ast
import io
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
CATALOGUES = ROOT / "resources" / "translations"
ROOMS = (
    "batch",
    "dicom",
    "export",
    "geometry",
    "gui",
    "learning",
    "mar",
    "methods",
    "reader_study",
    "session",
    "volume",
    "worker",
)
"""The packages whose texts the window shows."""

SHOWN_STATES = frozenset({"dicom/report.py", "session/report.py", "batch/job.py"})
"""Files whose enumerations have values that the window shows."""

WORDS = frozenset({"tr", "translatable"})
SAID = frozenset({"Finding", "SliceNote"})
"""What is made of a kind or slice and of finished English, which `marview.told` recognises."""

WRITTEN = datetime(2026, 11, 29, tzinfo=UTC)
"""Date in the header of a catalogue; the present time would change the file at every call."""

Text = str | tuple[str, str]
"""A text, or the two texts for one thing and for several."""


def template() -> Catalog:
    """A catalogue of every text, without translations."""
    made = Catalog(project="marview", charset="utf-8", msgid_bugs_address="")
    rooms = [file for room in ROOMS for file in sorted((ROOT / "marview" / room).rglob("*.py"))]
    for file in [ROOT / "marview" / "text.py", *rooms, *sorted((ROOT / "plugins").glob("*/*.py"))]:
        for text in _of_source(file):
            made.add(text, locations=[(str(file.relative_to(ROOT)), 0)])
    for file in [
        *sorted((ROOT / "plugins").glob("*/plugin.toml")),
        *sorted((ROOT / "resources").glob("*presets.toml")),
    ]:
        for text in _of_table(file):
            made.add(text, locations=[(str(file.relative_to(ROOT)), 0)])
    return made


def _of_source(file: Path) -> Iterator[Text]:
    """The texts in a file of Python."""
    has_rows = "rows" in file.stem or file.parent.name == "rows"
    module = ast.parse(file.read_text(encoding="utf-8"))
    types = {ast.unparse(line.targets[0]): line.value for line in module.body if isinstance(line, ast.Assign)}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and "/".join(file.parts[-2:]) in SHOWN_STATES and _is_enumeration(node):
            yield from (text for line in node.body if isinstance(line, ast.Assign) if (text := _text(line.value)))
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            yield from _of_parameter(types.get(ast.unparse(node.annotation), node.annotation), node.value)
        if isinstance(node, ast.Call):
            yield from _of_call(node, has_rows=has_rows)


def _of_parameter(kind: ast.expr, field: ast.Call) -> Iterator[str]:
    """The title, description and choices of a method's parameter; nothing for a field without a title."""
    texts = {one.arg: _text(one.value) for one in field.keywords if one.arg in {"title", "description"}}
    if getattr(field.func, "id", "") != "Field" or "title" not in texts:
        return
    yield from filter(None, texts.values())
    for part in ast.walk(kind):
        if isinstance(part, ast.Subscript) and getattr(part.value, "id", "") == "Literal":
            choices = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            yield from (text.replace("_", " ") for choice in choices if (text := _text(choice)))


def _of_call(call: ast.Call, *, has_rows: bool) -> Iterator[Text]:
    name, given = getattr(call.func, "id", ""), [_text(one) for one in call.args]
    if name in WORDS and given and given[0]:
        yield given[0]
    elif name == "plural" and len(given) == 3 and given[1] and given[2]:
        yield given[1], given[2]
    elif name == "count" and len(given) >= 2 and given[1]:
        yield given[1], (given[2] if len(given) > 2 else "") or f"{given[1]}s"
    elif name in SAID:
        yield from (text for text in given[1:3] if text)
    elif has_rows and (name in {"Row", "tool_row"} or name.startswith("_")) and len(given) > 1 and given[1]:
        yield given[1]


def _of_table(file: Path) -> Iterator[str]:
    """The texts in a file of TOML."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    for part in table.get("preset", [table]):
        yield from (part[key] for key in ("title", "purpose", "why") if part.get(key))


def _is_enumeration(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) == "enum.StrEnum" for base in node.bases)


def _text(node: ast.expr) -> str:
    """The text that an expression is, with {} for each value of an f-string; empty where it is something else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def update(po: Path, texts: Catalog) -> Catalog:
    """Bring a catalogue up to date, and write it with the file that the window reads."""
    with po.open("rb") as source:
        catalogue = read_po(source)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.creation_date = WRITTEN
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, catalogue, width=120, sort_output=True, include_lineno=False)
    write_mo(compiled, catalogue)
    po.write_bytes(text.getvalue())
    po.with_suffix(".mo").write_bytes(compiled.getvalue())
    return catalogue


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts of a catalogue that have no translation."""
    empty = ("", ("", ""), None)
    return [str(message.id) for message in catalogue if message.id and message.string in empty]


def main() -> int:
    """Bring every catalogue up to date; 1 where one is not complete."""
    texts = template()
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "marview.pot").open("wb") as target:
        write_po(target, texts, include_lineno=False)
    missing = 0
    for po in sorted(CATALOGUES.glob("*/LC_MESSAGES/marview.po")):
        lacking = untranslated(update(po, texts))
        missing += len(lacking)
        sys.stdout.write(f"{po.relative_to(ROOT)}: {len(texts)} texts, {len(lacking)} without a translation\n")
        sys.stdout.writelines(f"  {text}\n" for text in lacking)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
