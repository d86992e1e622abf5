"""Update the enabled and checked states of the actions from the session."""

from collections.abc import Callable

from marview.gui.actions import Actions
from marview.session.beside import has_truth
from marview.session.display import Comparison, Display, Layout
from marview.session.session import Session
from marview.session.tools import Tool
from marview.text import translatable


def _is_running(session: Session) -> bool:
    return session.runs.is_running or session.sensitivity.is_running


def _has_consistency(session: Session) -> bool:
    result = session.result
    has_output = result is not None and any(name == "consistency" for name, _ in result.outputs)
    return has_output and session.view.display.layout is Layout.MAR


NEEDS: dict[str, Callable[[Session], bool]] = {
    "series": lambda s: s.loaded is not None,
    "volume": lambda s: s.loaded is not None and s.loaded.report.is_volume,
    "metal": lambda s: s.metal.is_present,
    "mask": lambda s: s.metal.is_present and not s.refusal and not s.sensitivity.is_running,
    "undo": lambda s: s.metal.can_undo,
    "redo": lambda s: s.metal.can_redo,
    "result": lambda s: s.result is not None,
    "comparison": lambda s: s.loaded is not None and (s.loaded.report.is_volume or s.beside.other is not None),
    "swipe": lambda s: s.result is not None and s.view.display.comparison is Comparison.SWIPE,
    "beside": lambda s: s.beside.other is not None,
    "truth": lambda s: has_truth(s.loaded),
    "unfinished": lambda s: s.unfinished is not None and not _is_running(s),
    "planes": lambda s: s.loaded is not None and s.view.display.layout is Layout.MPR,
    "oblique": lambda s: s.loaded is not None and s.view.display.oblique_deg is not None,
    "consistency": _has_consistency,
    "sweep": lambda s: s.sensitivity.swept is not None,
    "measures": lambda s: bool(s.measures.listed),
    "cancel": lambda s: _is_running(s) or s.tools.settings.tool is not Tool.NONE,
}
"""Conditions that an action may need. A volume is a series that can be corrected, and a mask is metal that can be
corrected now. A run started during another run waits for that run."""

REASONS = {
    "series": translatable("Open a study first."),
    "volume": translatable("First open a series that can be corrected."),
    "metal": translatable("Mark the metal first."),
    "mask": translatable("Mark the metal first, or wait for the sweep to finish."),
    "undo": translatable("There is no mask change to undo."),
    "redo": translatable("There is no mask change to redo."),
    "result": translatable("Reduce artifacts first."),
    "comparison": translatable("Open a series that can be corrected, or show another series beside this one."),
    "swipe": translatable("Turn on the swipe view first."),
    "beside": translatable("First right-click another series in the list and show it beside this one."),
    "truth": translatable("The simulated truth can be shown only for demo studies."),
    "planes": translatable("Choose the layout Planes first."),
    "oblique": translatable("Show the oblique section first."),
    "consistency": translatable("Available in the sinogram of the MAR layout, for slices corrected in this session."),
    "sweep": translatable("Run a sweep first."),
    "unfinished": translatable("The last run is complete."),
    "measures": translatable("Measure something first."),
    "cancel": translatable("Nothing to cancel."),
}
"""Reasons for disabled actions, shown in their tool tips."""


class ActionState:
    """Controller that keeps the actions in sync with the session."""

    def __init__(self, session: Session, actions: Actions) -> None:
        self._session = session
        self._actions = actions
        session.view.changed.connect(self._follow)
        for event in (
            session.library.started,
            session.library.finished,
            session.library.emptied,
            session.metal.changed,
            session.result_changed,
            session.runs.changed,
            session.runs.filled,
            session.sensitivity.changed,
            session.sensitivity.found,
            session.tools.changed,
            session.measures.changed,
            session.beside.changed,
        ):
            event.connect(self.refresh)
        self.refresh()

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if names & {"layout", "oblique_deg", "comparison"}:
            self.refresh()
        else:
            self._actions.check(self._session)

    def refresh(self, *_: object) -> None:
        """Update every action."""
        session = self._session
        self._actions.update(session, REASONS, [name for name, is_there in NEEDS.items() if is_there(session)])
