"""Offer to restore masks, measurements and results after a crash."""

import contextlib
import logging
from datetime import datetime
from pathlib import Path

import numpy as np

from marview.dicom import LoadedSeries
from marview.errors import BadInput
from marview.session.autosave_store import AutosaveStore, Saved
from marview.session.background import Background
from marview.session.display import View
from marview.session.library import Library
from marview.session.measure_record import measure_of
from marview.session.measures import Measures
from marview.session.messages import Messages, Question, Severity
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.result import Result
from marview.session.result_record import read_result
from marview.session.results import Results
from marview.text import count, tr

_log = logging.getLogger(__name__)


class Recovery:
    """The offers to restore autosaves, latest first; unanswered offers are repeated in the next session."""

    def __init__(
        self,
        store: AutosaveStore,
        background: Background,
        messages: Messages,
        library: Library,
        metal: Metal,
        measures: Measures,
        results: Results,
        methods: Methods,
        view: View,
    ) -> None:
        self._store = store
        self._background = background
        self._messages = messages
        self._library = library
        self._metal = metal
        self._measures = measures
        self._results = results
        self._methods = methods
        self._view = view
        self._offered: list[Saved] = []
        self._wanted: Saved | None = None
        library.finished.connect(self._take)

    def look(self) -> None:
        """Look for autosaves, and offer to restore them."""
        self._background.run(self._store.found, self._offer, _log.warning)

    def _offer(self, found: list[Saved]) -> None:
        self._offered = found
        self._ask()

    def _ask(self) -> None:
        if not self._offered:
            return
        saved = self._offered.pop(0)
        when = datetime.fromisoformat(saved.work.time).astimezone().strftime("%d %b %Y, %H:%M")
        parts = [tr("the metal mask ({})").format(saved.work.origin)] if saved.metal is not None else []
        parts += [count(len(saved.work.measures), "measurement")] if saved.work.measures else []
        parts += [count(len(saved.results), "result")] if saved.results else []
        sentence = tr("marview closed unexpectedly. The autosave of “{}” from {} contains {}. Restore it?").format(
            Path(saved.work.path).name, when, _together(parts)
        )
        self._messages.ask(
            Question(sentence, tr("Restore"), tr("Discard"), lambda is_yes: self._answer(saved, is_yes=is_yes))
        )

    def _answer(self, saved: Saved, *, is_yes: bool) -> None:
        if not is_yes:
            self._store.discard(saved.id)
            self._ask()
            return
        self._wanted = saved
        self._library.open(Path(saved.work.path), key=saved.work.key)

    def _take(self, loaded: LoadedSeries) -> None:
        saved, self._wanted = self._wanted, None
        chosen = self._library.chosen
        if saved is None or chosen is None or chosen.key != saved.work.key:
            return
        grid = loaded.volume.grid
        if grid.shape != saved.work.shape or not np.allclose(grid.affine.ravel(), saved.work.affine, atol=1e-3):
            self._messages.error(
                tr(
                    "{} has changed since the autosave, so its mask was not restored. marview offers the mask again "
                    "next time."
                ).format(Path(saved.work.path).name)
            )
            return
        with contextlib.suppress(ValueError, KeyError, TypeError, OverflowError):  # restore the mask in any case
            self._measures.put(chosen.key, [measure_of(record, grid) for record in saved.work.measures])
        if saved.metal is not None:
            self._metal.put(saved.mask, saved.work.origin, then=lambda: self._tell(tr("Mask restored.")))
        else:
            self._tell(tr("Measurements restored.") if saved.work.measures else tr("Results restored."))
        self._view.go_to(saved.work.slice_index)
        self._methods.restore(saved.work.method, dict(saved.work.parameters))
        self._take_results(saved, chosen.key, grid.shape)
        self._store.adopt(saved)

    def _take_results(self, saved: Saved, key: str, shape: tuple[int, ...]) -> None:
        """Read the results of a series in the background, and show the last one."""

        def work() -> tuple[list[Result], list[str]]:
            results, damaged = list[Result](), list[str]()
            for path in saved.results:
                try:
                    result = read_result(path, self._results.store)
                    result.kept_as, result.kept_slices = path.name.split(".")[1], len(result.done)
                    results.append(result)
                except BadInput as why:
                    damaged.append(str(why))
            return [one for one in results if one.mask.shape == shape], damaged

        def done(read: tuple[list[Result], list[str]]) -> None:
            results, damaged = read
            for result in results:
                result.series = key
                self._results.keep(result)
            chosen = self._library.chosen
            if results and chosen is not None and chosen.key == key:
                self._results.show(results[-1])
            if damaged:
                self._messages.error(" ".join(damaged))

        if saved.results:
            self._background.run(work, done, self._messages.error)

    def _tell(self, sentence: str) -> None:
        self._messages.say(Severity.SUCCESS, sentence)
        self._ask()


def _together(parts: list[str]) -> str:
    """Join parts of a sentence with commas and "and"."""
    return tr("{} and {}").format(", ".join(parts[:-1]), parts[-1]) if len(parts) > 1 else "".join(parts)
