"""Perform random actions in one window: `python -m tests.soak.actions ACTIONS SEED` prints its resource use.

A round opens one of two studies, performs some hundred actions with mouse, keys and the table of actions, and closes
every series. Memory, threads, open files, shared memory and widgets at rest must not grow. File dialogs are cancelled;
only actions that end the program are left out.
"""

import contextlib
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QMessageBox,
    QSlider,
    QToolButton,
    QWidget,
)

from marview.gui.app import wait_until
from marview.gui.main_window import MainWindow
from tests import windows
from tests.soak.soak import Figures, write_study

ROUND = 250
"""Actions between two rests."""

LEFT_OUT = frozenset({"quit", "open_demo", "about"})
BUTTONS = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
MODIFIERS = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@dataclass(frozen=True)
class Rest:
    """Resource use of a window at rest."""

    figures: Figures
    widgets: int


class Hand:
    """Hand that performs random actions; a seed gives the same actions in the same state."""

    def __init__(self, window: MainWindow, seed: int, studies: list[Path]) -> None:
        self.window = window
        self.done = 0
        self.last = ""
        self._random = random.Random(seed)
        self._studies = studies
        self._kinds: tuple[tuple[Callable[[], None], int], ...] = (
            (self._action, 6),
            (self._drag, 5),
            (self._wheel, 4),
            (self._key, 3),
            (self._click, 3),
            (self._slide, 1),
            (self._series, 1),
        )

    def act(self) -> None:
        """Perform one action and process events."""
        session = self.window.session
        if session.loaded is None and not self._is_busy:
            session.open(*self._random.sample(self._studies, self._random.randint(1, len(self._studies))))
            wait_until(lambda: session.loaded is not None and not session.refusal, 60)
        kinds, weights = zip(*self._kinds, strict=True)
        self._random.choices(kinds, weights)[0]()
        self.done += 1
        QCoreApplication.processEvents()
        self._answer()

    def rest(self) -> None:
        """Close every series without saving, and wait until all work has ended."""
        session = self.window.session
        for slot in self.window.slots.values():
            slot.dock()
        self._close_popups()
        session.runs.cancel_all()
        session.sensitivity.cancel()
        wait_until(lambda: not session.runs.queue and not session.sensitivity.is_running, 120)
        for entry in session.library.entries:
            session.closing.close_at_once(entry)
        wait_until(lambda: session.loaded is None and not self._is_busy, 60)
        for _ in range(3):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QCoreApplication.processEvents()

    @property
    def _is_busy(self) -> bool:
        library = self.window.session.library
        return library._scanning.is_busy or library._reading.is_busy

    # -- the actions

    def _action(self) -> None:
        table = self.window.actions_table
        ids = [row.id for row in table.rows if row.id not in LEFT_OUT and table[row.id].isEnabled()]
        name = self._random.choice(ids)
        self.last = f"action {name}"
        table[name].trigger()

    def _key(self) -> None:
        keys = [key for row in self.window.actions_table.rows if row.id not in LEFT_OUT for key in row.keys]
        key = self._random.choice([*keys, "Tab", "Escape"])
        self.last = f"key {key}"
        QTest.keySequence(self.window, key)

    def _view(self) -> QWidget | None:
        panes = [pane for pane in self.window.grid.panes.values() if pane.isVisible() and hasattr(pane, "view")]
        views = [getattr(pane.view, "viewport", lambda view=pane.view: view)() for pane in panes]
        return self._random.choice(views) if views else None

    def _place(self, widget: QWidget) -> QPoint:
        area = widget.rect()
        return QPoint(
            self._random.randint(0, max(0, area.width() - 1)), self._random.randint(0, max(0, area.height() - 1))
        )

    def _drag(self) -> None:
        view = self._view()
        if view is None:
            return
        button, modifier, at = self._random.choice(BUTTONS), self._random.choice(MODIFIERS), self._place(view)
        self.last = f"drag {button} {modifier} at {at.toTuple()}"
        QTest.mousePress(view, button, modifier, at)
        for _ in range(self._random.randint(0, 4)):
            at = self._place(view)
            QTest.mouseMove(view, at)
        QTest.mouseRelease(view, button, modifier, at)
        if self._random.random() < 0.1:
            QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)

    def _wheel(self) -> None:
        view = self._view()
        if view is None:
            return
        at, modifier = QPointF(self._place(view)), self._random.choice(MODIFIERS)
        turn = QPoint(0, self._random.choice((-240, -120, 120, 240)))
        self.last = f"wheel {modifier}"
        event = QWheelEvent(
            at,
            view.mapToGlobal(at),
            QPoint(),
            turn,
            Qt.MouseButton.NoButton,
            modifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QCoreApplication.sendEvent(view, event)

    def _click(self) -> None:
        parts = (self.window.side, self.window.browser, self.window.desk)
        buttons = [
            button
            for part in parts
            for button in part.findChildren(QAbstractButton)
            if button.isVisible() and button.isEnabled() and not _waits_for_a_person(button)
        ]
        boxes = [box for box in self.window.side.findChildren(QComboBox) if box.isVisible() and box.isEnabled()]
        if self._random.random() < 0.3 and boxes:
            box = self._random.choice(boxes)
            self.last = f"choose {box.accessibleName()}"
            at = self._random.randrange(max(1, box.count()))
            box.setCurrentIndex(at)
            box.activated.emit(at)
        elif buttons:
            button = self._random.choice(buttons)
            self.last = f"click {button.text() or button.accessibleName()}"
            button.click()  # it may be scrolled out of view

    def _slide(self) -> None:
        sliders = [one for one in self.window.side.findChildren(QSlider) if one.isVisible() and one.isEnabled()]
        if sliders:
            slider = self._random.choice(sliders)
            self.last = "slide"
            slider.setValue(self._random.randint(slider.minimum(), slider.maximum()))

    def _series(self) -> None:
        self.last = "choose a series"
        self.window.session.library.choose_neighbour(self._random.choice((-1, 1)))

    def _answer(self) -> None:
        """Answer questions and dialogs, some of them later."""
        if self._random.random() < 0.3:
            self._close_popups()
        if self.window.questions.isVisible() and self._random.random() < 0.3:
            self._random.choice((self.window.questions.yes, self.window.questions.no)).click()

    def _close_popups(self) -> None:
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        for widget in QApplication.topLevelWidgets():
            floats = any(slot.floating is widget for slot in self.window.slots.values())
            if widget is not self.window and widget.isVisible() and not floats:
                widget.close()


def _waits_for_a_person(button: QAbstractButton) -> bool:
    """Return whether a click opens a blocking menu."""
    return isinstance(button, QToolButton) and button.menu() is not None


@contextlib.contextmanager
def no_dialogs() -> Iterator[None]:
    """Cancel file dialogs, which would wait for a user."""
    before = {name: getattr(QFileDialog, name) for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName")}
    folder, about = QFileDialog.getExistingDirectory, QMessageBox.about
    for name in before:
        empty: object = [] if name.endswith("Names") else ""
        setattr(QFileDialog, name, staticmethod(lambda *_, empty=empty, **__: (empty, "")))
    QFileDialog.getExistingDirectory = staticmethod(lambda *_, **__: "")
    QMessageBox.about = staticmethod(lambda *_: None)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(QFileDialog, name, function)
        QFileDialog.getExistingDirectory, QMessageBox.about = folder, about


def rests(folder: Path, actions: int, seed: int, broken: list[str]) -> Iterator[tuple[Hand, Rest]]:
    """Yield the resource use after each round; exceptions of slots go to `broken`."""
    studies = [write_study(folder / name, name) for name in ("first", "second")]
    window = windows.opened_window()
    hand = Hand(window, seed, studies)

    def note(kind: type[BaseException], bug: BaseException, trace: object) -> None:
        where = "".join(traceback.format_exception(kind, bug, trace)[-3:])  # type: ignore[arg-type]
        broken.append(f"after {hand.done} actions, {hand.last}: {where}")

    before, sys.excepthook = sys.excepthook, note
    try:
        with no_dialogs():
            while hand.done < actions:
                for _ in range(min(ROUND, actions - hand.done)):
                    hand.act()
                hand.rest()
                yield hand, Rest(Figures.now(), len(QApplication.allWidgets()))
        windows.close(window)
    finally:
        sys.excepthook = before


def growth(taken: list[Rest]) -> list[str]:
    """Return the figures that grew by more than 5 % between the first rests after the warm-up and the last ones.

    The memory of a worker is compared within its own life, because a new worker begins with less.
    """
    if len(taken) < 4:
        return [f"{len(taken)} rounds tell nothing: 4 are the least"]
    series: list[tuple[str, list[float], float]] = [
        (name, [getattr(one.figures, name) for one in taken], least)
        for name, least in (("memory_mb", 8), ("threads", 1), ("descriptors", 4), ("blocks", 1))
    ]
    series += [("worker_mb", life, 8) for life in longest_lives(taken) if len(life) >= 4]
    series.append(("widgets", [one.widgets for one in taken], 0))
    return [said for name, values, least in series if (said := _grown(name, values, least))]


def longest_lives(taken: list[Rest]) -> list[list[float]]:
    """Return the memory, in MB at each rest, of the child processes that were seen at most rests."""
    lives: dict[int, list[float]] = {}
    for rest in taken:
        for process, memory_mb in rest.figures.children_mb.items():
            lives.setdefault(process, []).append(memory_mb)
    longest = max(map(len, lives.values()), default=0)
    return [life for life in lives.values() if len(life) == longest]


def _grown(name: str, values: list[float], least: float) -> str:
    """Say how far values grew by more than 5 % and `least`; empty if they did not."""
    part = len(values) // 4
    before, after = median(values[part : 2 * part]), median(values[-part:])
    return f"{name} grew from {before:.1f} to {after:.1f}" if after > max(before * 1.05, before + least) else ""


def main(actions: int, seed: int) -> int:
    """Perform random actions; return 1 if anything failed or grew."""
    broken: list[str] = []
    taken: list[Rest] = []
    with tempfile.TemporaryDirectory(prefix="marview-soak-") as scratch:
        for hand, rest in rests(Path(scratch), actions, seed, broken):
            taken.append(rest)
            print(hand.done, rest, flush=True)
    wrong = [*dict.fromkeys(broken), *growth(taken)] if actions >= 4 * ROUND else broken
    print(*wrong, f"{actions} actions with seed {seed}, {len(wrong)} things are wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
