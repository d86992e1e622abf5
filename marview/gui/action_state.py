"""Which actions are possible and which are on, derived from the session."""

from marview.gui.actions import Actions
from marview.session.display import Comparison, Display, Layout, Overlay
from marview.session.session import Session
from marview.session.tools import Tool


class ActionState:
    """Keeps the actions in step with the session."""

    def __init__(self, session: Session, actions: Actions) -> None:
        self._session = session
        self._actions = actions
        session.view.changed.connect(self._check)
        for event in (
            session.library.started,
            session.library.finished,
            session.metal.changed,
            session.result_changed,
            session.runs.changed,
            session.sensitivity.changed,
            session.sensitivity.found,
            session.tools.changed,
        ):
            event.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Look at everything."""
        session = self._session
        is_running = session.runs.is_running or session.sensitivity.is_running
        is_present = {
            "series": session.loaded is not None,
            "mask": session.metal.is_present and not session.refusal and not is_running,
            "result": session.result is not None,
            "sweep": session.sensitivity.swept is not None,
            "volume": session.loaded is not None and session.loaded.report.is_volume,
            "metal": session.metal.is_present,
            "undo": session.metal.can_undo,
            "redo": session.metal.can_redo,
            "cancel": is_running or session.tools.settings.tool is not Tool.NONE,
        }
        self._actions.enable(frozenset(name for name, is_there in is_present.items() if is_there))
        self._actions["next_metal"].setEnabled(session.metal.is_present)
        self._actions["previous_metal"].setEnabled(session.metal.is_present)
        self._check(session.view.display)

    def _check(self, display: Display, _names: object = None) -> None:
        check = self._actions.check
        check("layout_read", is_on=display.layout is Layout.READ)
        check("layout_mar", is_on=display.layout is Layout.MAR)
        check("layout_sensitivity", is_on=display.layout is Layout.SENSITIVITY)
        check("invert", is_on=display.is_inverted)
        check("overlays", is_on=not display.are_overlays_hidden)
        check("swipe", is_on=display.comparison is Comparison.SWIPE)
        check("difference", is_on=display.comparison is Comparison.DIFFERENCE)
        check("maximise", is_on=bool(display.maximised))
        for overlay in Overlay:
            check(overlay.value, is_on=display.shows(overlay))
        tools = self._session.tools.settings
        for tool in Tool:
            if tool is not Tool.NONE:
                check(tool.value, is_on=tools.tool is tool)
        check("sphere", is_on=tools.is_sphere)
