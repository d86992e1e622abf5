"""The method chooser: runnable methods, and untrained ones below."""

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from marview.gui.label import tooltip
from marview.gui.panels.method_panel import MethodPanel
from marview.mar import Listing, Manifest
from marview.session.messages import Messages
from marview.session.methods import Methods
from marview.session.settings import Settings
from marview.session.speeds import Speeds


class AtOnce:
    """Stand-in that runs work immediately on the calling thread."""

    def run(self, work, then, wrong) -> None:
        then(work())


def _listing(method: str, title: str, **more) -> Listing:
    manifest = Manifest(id=method, title=title, version="1", api=1, entry="method:Method", **more)
    return Listing(method, Path("nowhere") / method, "bundled", manifest)


@pytest.fixture
def methods() -> Methods:
    listings = [_listing("learner", "A learner", needs_weights=True), _listing("nmar", "NMAR"), _listing("li", "LI")]
    listings.append(Listing("broken", Path("broken"), "installed", error="broken/plugin.toml: title is missing."))
    settings = dataclasses.replace(Settings(), method="learner")
    return Methods(AtOnce(), Messages(), settings, lambda: None, lambda: listings)


def test_a_method_that_is_not_trained_is_shown_and_cannot_be_chosen(qtbot, methods) -> None:
    panel = MethodPanel(methods, Speeds(Settings()), pytest.fail)
    qtbot.addWidget(panel)
    methods.look()
    assert [panel.chooser.itemText(at) for at in range(panel.chooser.count())] == [
        "NMAR",
        "LI",
        "A learner (not trained)",
        "broken (cannot be used)",
    ]
    assert methods.current.id == "nmar", "what was chosen before and cannot be run gives way to one that can"
    assert "marview train learner" in panel.chooser.itemData(2, Qt.ItemDataRole.ToolTipRole)
    assert not panel.chooser.model().item(3).isEnabled()
    assert panel.chooser.itemData(3, Qt.ItemDataRole.ToolTipRole) == tooltip("broken/plugin.toml: title is missing.")
    panel.show()
    panel.chooser.setFocus()
    QTest.keyClick(panel.chooser, Qt.Key.Key_End)
    assert methods.current.id != "learner"
    methods.choose("learner")
    assert methods.current.id != "learner"


def test_a_method_whose_code_is_broken_is_greyed_with_its_title_and_the_cause(qtbot) -> None:
    listings = [_listing("nmar", "NMAR"), dataclasses.replace(_listing("own", "My own"), error="method.py is missing.")]
    methods = Methods(AtOnce(), Messages(), Settings(), lambda: None, lambda: listings)
    panel = MethodPanel(methods, Speeds(Settings()), pytest.fail)
    qtbot.addWidget(panel)
    methods.look()
    assert panel.chooser.itemText(1) == "My own (cannot be used)"
    assert not panel.chooser.model().item(1).isEnabled()
    assert panel.chooser.itemData(1, Qt.ItemDataRole.ToolTipRole) == tooltip("method.py is missing.")
    assert panel.broken.text() == "method.py is missing."


def test_restoring_of_cut_off_streaks_is_on_until_the_box_is_cleared(qtbot, methods) -> None:
    panel = MethodPanel(methods, Speeds(Settings()), pytest.fail)
    qtbot.addWidget(panel)
    assert panel.restore.isChecked()
    assert methods.restores_cut_off
    panel.restore.click()
    assert not methods.restores_cut_off
