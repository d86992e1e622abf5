"""Store the user's work on each open series while another series is in view, and list unsaved work."""

from collections import Counter
from dataclasses import dataclass

from marview.session.display import View
from marview.session.measures import Measures
from marview.session.metal import KeptMetal, Metal
from marview.session.results import Results
from marview.session.runs import Runs
from marview.session.sensitivity import Sensitivity
from marview.session.swept import KeptSweep
from marview.text import count, plural, tr


@dataclass(frozen=True, eq=False)
class PutAway:
    """The work on a series that is not in view, except results and measurements."""

    title: str
    metal: KeptMetal | None
    swept: KeptSweep | None
    slice_index: int


class KeptWork:
    """Store of the work on each series.

    Attributes:
        series: key of the series in view; empty if there is none.
    """

    def __init__(
        self, runs: Runs, sensitivity: Sensitivity, metal: Metal, results: Results, measures: Measures, view: View
    ) -> None:
        self.series = ""
        self._title = ""
        self._runs = runs
        self._sensitivity = sensitivity
        self._metal = metal
        self._results = results
        self._measures = measures
        self._view = view
        self._put_away: dict[str, PutAway] = {}
        self._closed: set[str] = set()

    def turn_to(self, series: str, title: str) -> PutAway | None:
        """Store the work on the series in view, and return the stored work on the next one.

        Args:
            series: key of the next series.
            title: title of the next series.

        Returns:
            The stored work on the next series; None if there is none.
        """
        if self.series:
            self._put_away[self.series] = PutAway(
                title=self._title,
                metal=self._metal.put_away(),
                swept=self._sensitivity.put_away(),
                slice_index=self._view.display.slice_index,
            )
        self.series, self._title = series, title
        self._closed.discard(series)
        self._results.turn_to(series)
        self._measures.turn_to(series)
        return self._put_away.get(series)

    def is_closed(self, series: str) -> bool:
        """Return whether a series has been closed, so that callers can ignore any late results."""
        return series in self._closed

    def drop(self, series: str) -> None:
        """Discard the work on a closed series."""
        self._closed.add(series)
        if series == self.series:
            self.series = ""
        self._put_away.pop(series, None)
        self._results.drop(series)
        self._measures.drop(series)

    @property
    def unsaved(self) -> list[str]:
        """Describe the unsaved work that would be lost by closing marview."""
        lost = []
        for job in self._runs.queue:
            words = tr("the waiting run of {} on {}") if job.is_waiting else tr("the unfinished run of {} on {}")
            lost.append(words.format(tr(job.result.title), job.result.series_title))
        if self._sensitivity.is_running:
            lost.append(tr("the unfinished sweep"))
        lost += self._unsaved_results()
        mask = tr("the metal mask of {}, edited by hand and not exported")
        if self.series and self._metal.is_unsaved:
            lost.append(mask.format(self._title))
        for key, other in self._put_away.items():
            if key != self.series and other.metal is not None and other.metal.is_unsaved:
                lost.append(mask.format(other.title))
        if self._measures.unsaved:
            lost.append(tr("{}, not exported").format(count(self._measures.unsaved, "measurement")))
        return lost

    def _unsaved_results(self) -> list[str]:
        """Describe the results that were not exported, with run and mask if a method has several on a series."""
        unsaved = self._results.unsaved
        alike = Counter((one.series, one.title) for one in unsaved)
        lost = []
        for one in unsaved:
            if alike[one.series, one.title] == 1:
                lost.append(tr("{} of {}, not exported").format(tr(one.title), one.series_title))
                continue
            words = tr("{} of {}, not exported (run {}: mask {}, margin {:+g} mm)")
            number = self._results.of(one.series).index(one) + 1
            lost.append(words.format(tr(one.title), one.series_title, number, one.mask_words, one.margin_mm))
        return lost

    def unsaved_of(self, series: str) -> list[str]:
        """Describe the unsaved work on one series."""
        kept = self._put_away.get(series)
        runs = sum(job.result.series == series for job in self._runs.queue)
        lost = [plural(runs, "its run", "its {} runs").format(runs)] if runs else []
        if results := self._results.unsaved_of(series):
            lost.append(tr("{} not exported").format(count(len(results), "result")))
        kept_metal = None if kept is None else kept.metal
        is_put_away_unsaved = kept_metal is not None and kept_metal.is_unsaved
        if self._metal.is_unsaved if series == self.series else is_put_away_unsaved:
            lost.append(tr("its metal mask, edited by hand"))
        if measures := self._measures.unsaved_of(series):
            lost.append(count(measures, "measurement"))
        return lost
