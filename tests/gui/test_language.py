"""Every text of the window goes through the catalogue, and the German catalogue is complete."""

import gettext
import importlib.util
import re
from pathlib import Path

import pyqtgraph as pg
import pytest
from babel.messages.pofile import read_po
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QTableWidget,
    QTreeWidget,
    QWidget,
)

from marview.gui import language as languages
from marview.gui.export_dialog import ExportDialog
from marview.gui.language import LANGUAGES, catalogue, language, use_language
from marview.gui.several_window import SeveralWindow
from marview.gui.shortcut_sheet import ShortcutSheet
from marview.mar.parameter_schema import resolved
from marview.session.display import Layout
from marview.session.messages import Severity
from marview.session.tools import Tool
from marview.text import count, plural, speak, tr
from marview.worker.loading import load_method

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "resources" / "translations" / "de" / "LC_MESSAGES" / "marview.po"


@pytest.fixture
def translations():
    spec = importlib.util.spec_from_file_location("translations", ROOT / "tools" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def english():
    yield
    speak(gettext.NullTranslations())
    for translator in QCoreApplication.instance().findChildren(languages.QTranslator):
        QCoreApplication.removeTranslator(translator)
        translator.deleteLater()


# -- the catalogue


def test_the_german_catalogue_has_every_text_and_no_other(translations) -> None:
    with CATALOGUE.open("rb") as source:
        german = read_po(source)
    wanted, there = ({str(message.id) for message in one if message.id} for one in (translations.template(), german))
    assert sorted(wanted - there) == [], "run `make translations`, then translate what is new"
    assert sorted(there - wanted) == [], "run `make translations`"
    assert translations.untranslated(german) == []


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in (ROOT / "plugins").glob("*/plugin.toml")), ids=lambda path: path.name
)
def test_the_catalogue_has_the_parameters_of_every_method(folder: Path) -> None:
    with CATALOGUE.open("rb") as source:
        there = {str(message.id) for message in read_po(source)}
    schema = load_method(folder).schema()
    rules = [resolved(rule, schema) for rule in schema["properties"].values()]
    shown = {rule[key] for rule in rules for key in ("title", "description") if rule.get(key)}
    choices = {str(choice).replace("_", " ") for rule in rules for choice in rule.get("enum", ())}
    assert sorted((shown | choices) - there) == [], "tools/translations.py does not collect these"


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    with CATALOGUE.open("rb") as source:
        german = read_po(source)
    for message in german:
        texts, said = ((one,) if isinstance(one, str) else one for one in (message.id, message.string))
        for text, words in zip(texts, said, strict=True):
            assert sorted(re.findall(r"\{[^}]*\}", text)) == sorted(re.findall(r"\{[^}]*\}", words)), text
            assert text.count("<") == words.count("<") or not text, text


def test_what_the_window_reads_is_what_the_catalogue_says() -> None:
    with CATALOGUE.open("rb") as source:
        german = {message.id: message.string for message in read_po(source) if message.id}
    read = catalogue("de")
    for text, words in german.items():
        if isinstance(text, tuple):
            assert (read.ngettext(*text, 1), read.ngettext(*text, 2)) == words
        else:
            assert read.gettext(text) == words, "run `make translations`"


# -- which language


@pytest.mark.parametrize(
    ("system", "chosen", "spoken"),
    [
        (["de-DE", "en"], "", "de"),
        (["fr-FR", "de_AT", "en"], "", "de"),
        (["en-GB", "de"], "", "en"),
        (["ja-JP"], "", "en"),
        (["de-DE"], "en", "en"),
        (["en-US"], "de", "de"),
        (["de-DE"], "xx", "en"),
    ],
)
def test_the_language_follows_the_system_unless_one_is_chosen(monkeypatch, system, chosen, spoken) -> None:
    class Locale:
        @staticmethod
        def system():
            return type("System", (), {"uiLanguages": lambda _self: system})()

    monkeypatch.setattr(languages, "QLocale", Locale)
    assert language(chosen) == spoken


def test_every_language_has_a_catalogue_and_a_row(window) -> None:
    for code, name in LANGUAGES.items():
        assert catalogue(code) is not None
        assert window.actions_table[f"language_{code}"].text() == name


def test_choosing_a_language_keeps_it(window) -> None:
    window.actions_table["language_de"].trigger()
    assert window.session.settings.language == "de"
    assert window.actions_table["language_de"].isChecked()
    assert not window.actions_table["language_system"].isChecked()


def test_the_window_speaks_german(english, make_window, worker, fakes, tmp_path, qtbot, small_series) -> None:
    use_language("de")
    window = make_window(make_worker=lambda: worker, listings=lambda: [fakes.listing(tmp_path)])
    assert [action.text() for action in window.menuBar().actions()] == [
        "&Datei",
        "&Ansicht",
        "&Gehe zu",
        "M&essen",
        "&Metall",
        "&Hilfe",
    ]
    assert window.side.run.button.text() == "Artefakte reduzieren"
    window.session.open(small_series)
    qtbot.waitUntil(lambda: window.session.metal.is_present and bool(window.session.methods.devices), timeout=20000)
    assert "automatisch gefunden" in window.side.metal.summary.text()
    assert window.grid.panes["result"].note.text() == "noch kein Ergebnis: das Original wird gezeigt"


def test_files_stay_in_english_whatever_the_language(english, opened) -> None:
    session = opened.session
    use_language("de")
    session.metal.begin_stroke()
    recipe = session.metal.recipe
    assert recipe.text == "adaptive"
    assert recipe.words == "adaptiv"


def test_numbers_choose_the_word(english) -> None:
    use_language("de")
    assert [count(number, "slice") for number in (0, 1, 2)] == ["0 Schichten", "1 Schicht", "2 Schichten"]
    assert plural(1, "its run", "its {} runs") == "ihr Lauf"
    assert tr("") == ""


# -- nothing is left out


class Foreign(gettext.NullTranslations):
    """A language in which every letter is ж, so that texts outside the catalogue show."""

    def gettext(self, message: str) -> str:
        kept = re.split(r"(<[^>]*>|&\w+;|\{[^}]*\})", message)
        return "".join(part if at % 2 else re.sub(r"[A-Za-z]", "ж", part) for at, part in enumerate(kept))

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


OF_EVERY_LANGUAGE = r"""
    HU | mm[²³]? | ml | px | GB | min | marview | English | Deutsch | CSV | DICOM | SR | NIfTI | PNG | TIFF | PDF | MIP
    | MinIP | CPU | GPU | qt | Ctrl | Shift | Alt | Esc | Return | PgUp | PgDown | PgDn | Home | End | Del | Delete
    | Tab | Up | Down | Left | Right | Backspace | F\d+ | Space | CT | LI | [A-Za-z] | \d+[a-z]*
"""
"""Units, names, and keys as Qt writes them."""

OF_THE_DATA = {"small", "TEST", "NOBODY", "Two", "cores", "cpu", "strength", "hu", "Close", "Export"}
"""Headers, the fake device and parameter, and what Qt and its plots say, whose own catalogue is not loaded here."""


def words_of(widget: QWidget) -> list[str]:
    """All texts and tool tips of a widget."""
    said = [widget.toolTip(), widget.accessibleName(), widget.windowTitle() if widget.isWindow() else ""]
    for name in ("text", "placeholderText", "specialValueText", "prefix", "suffix", "title"):
        read = getattr(widget, name, None)
        if (callable(read) and not isinstance(widget, QAbstractSpinBox | QLineEdit)) or (
            callable(read) and name != "text"
        ):
            said.append(str(read()))
    if isinstance(widget, QComboBox):
        said += [widget.itemText(at) for at in range(widget.count())]
    if isinstance(widget, QListWidget):
        said += [widget.item(at).text() + " " + widget.item(at).toolTip() for at in range(widget.count())]
    if isinstance(widget, QTableWidget):
        items = [widget.horizontalHeaderItem(at) for at in range(widget.columnCount())]
        items += [widget.item(row, at) for row in range(widget.rowCount()) for at in range(widget.columnCount())]
        said += [item.text() + " " + item.toolTip() for item in items if item is not None]
    if isinstance(widget, QTreeWidget):
        said += [widget.headerItem().text(at) for at in range(widget.columnCount())]
    view = getattr(widget, "_texts", {})
    return [text for text in (*said, *view.values()) if text]


def left_out(window: QWidget, known: set[str]) -> dict[str, str]:
    """Words that no catalogue was asked for, with where they stand."""
    found = {}
    never_shown = [plot.getPlotItem().ctrlMenu for plot in window.findChildren(pg.PlotWidget)]
    hidden = {id(one) for menu in never_shown for one in (menu, *menu.findChildren(QObject))}
    for widget in (window, *window.findChildren(QWidget)):
        if id(widget) in hidden:
            continue
        for text in words_of(widget):
            for word in re.findall(r"[A-Za-z]+", re.sub(r"<[^>]*>|&\w+;", " ", text)):
                if word not in known and not re.fullmatch(OF_EVERY_LANGUAGE, word, re.VERBOSE):
                    found[word] = f"{type(widget).__name__} {widget.objectName()}: {text[:80]}"
    for action in window.findChildren(QAction):
        if id(action) in hidden:
            continue
        for word in re.findall(r"[A-Za-z]+", f"{action.text()} {action.toolTip()}"):
            if word not in known and not re.fullmatch(OF_EVERY_LANGUAGE, word, re.VERBOSE):
                found[word] = f"action: {action.text()}"
    return found


@pytest.mark.timeout(300)
def test_every_word_of_the_window_goes_through_the_catalogue(
    english, make_window, worker, fakes, tmp_path, qtbot, small_series
) -> None:
    speak(Foreign())
    listings = [fakes.listing(tmp_path), fakes.listing(tmp_path, "other", "Other method")]
    window = make_window(make_worker=lambda: worker, listings=lambda: listings)
    session = window.session
    known = OF_THE_DATA | set(re.findall(r"[A-Za-z]+", str(tmp_path)))
    missed = left_out(window, known)
    session.open(small_series)
    qtbot.waitUntil(lambda: session.metal.is_present and bool(session.methods.devices), timeout=20000)
    qtbot.waitUntil(lambda: not session.refusal and session.view.display.active == "original", timeout=5000)
    known |= set(re.findall(r"[A-Za-z]+", f"{session.loaded.series.description} {small_series}"))
    missed |= left_out(window, known)
    session.view.go_to(3)
    window.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: not session.runs.is_running, timeout=20000)
    known |= set(re.findall(r"[A-Za-z]+", " ".join(session.result.notes)))
    for layout in (Layout.READ, Layout.MAR, Layout.MPR, Layout.SENSITIVITY, Layout.COMPARE):
        window.commands.show_layout(layout)
        QCoreApplication.processEvents()
        missed |= left_out(window, known)
    for tool in Tool:
        session.tools.update(tool=tool)
        missed |= left_out(window, known)
    window.commands.turn(0, 0)
    window.actions_table["copy_picture"].trigger()
    missed |= left_out(window, known)
    for dialog in (ShortcutSheet(window), ExportDialog(session, window), SeveralWindow(session, window)):
        missed |= left_out(dialog, known | set(re.findall(r"[A-Za-z]+", str(Path.home()))))
        dialog.deleteLater()
    session.messages.say(Severity.INFO, "")
    assert missed == {}
