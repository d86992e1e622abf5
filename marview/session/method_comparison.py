"""Run several methods on the slice in view, for a side-by-side comparison."""

from collections.abc import Callable, Collection

import numpy as np

from marview.errors import UsageError
from marview.mar import Listing
from marview.session.display import View
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.reductions import Reductions
from marview.session.result import Result
from marview.session.results import Results
from marview.session.run_scope import Reach, RunScope
from marview.text import tr


class MethodComparison:
    """Object that queues one run per method on the slice in view.

    Args:
        reductions: object that starts the runs.
        metal: mask of the series in view.
        methods: installed methods and their parameters.
        results: results of the series in view.
        view: display with the slice in view.
        messages: messages for the user.
        save: function that writes an autosave, called before the runs.
    """

    def __init__(
        self,
        reductions: Reductions,
        metal: Metal,
        methods: Methods,
        results: Results,
        view: View,
        messages: Messages,
        save: Callable[[], None],
    ) -> None:
        self._reductions = reductions
        self._metal = metal
        self._methods = methods
        self._results = results
        self._view = view
        self._messages = messages
        self._save = save

    def run(self, methods: Collection[str]) -> None:
        """Correct the slice in view with these methods.

        A method does not run again if it has already corrected this slice with the same mask and parameters. If it has
        corrected other slices with the same mask and parameters, the slice is added to that result.
        """
        chosen = [one for one in self._methods.usable if one.id in methods]
        if self._reductions.is_refused():
            return
        try:
            here = self._slice(chosen)
        except UsageError as refusal:
            self._messages.say(Severity.WARNING, str(refusal))
            return
        if not self._reductions.may_run((here,), lambda: self.run(methods)):
            return
        self._save()
        results = [self._result_with(here, method) for method in chosen]
        for result in results:
            if here not in result.done:
                self._reductions.queue(result, is_shown=False)
        if all(here in result.done for result in results):
            self._messages.say(Severity.INFO, tr("These methods have already corrected this slice with this mask."))

    def _slice(self, chosen: list[Listing]) -> int:
        """Return the index of the slice in view.

        Raises:
            UsageError: no method is chosen, or the slice contains no metal.
        """
        if not chosen:
            raise UsageError(tr("No method is chosen: choose at least one to compare."))
        display = self._view.display
        (here,) = RunScope(Reach.SLICE).slices(self._metal, display.numbers, display.slice_index)
        return here

    def _result_with(self, here: int, method: Listing) -> Result:
        """Return the latest result with the method, mask and settings in use, extended by a slice, or a new result."""
        parameters, restores = self._methods.values(method.id), self._methods.restores_cut_off
        version = "" if method.manifest is None else method.manifest.version
        mask = self._metal.plane(here)
        wanted = (method.id, version, parameters, self._metal.recipe.margin_mm, restores)
        for known in reversed(self._results.of_series):
            made = (known.method, known.version, known.parameters, known.margin_mm, known.restores_cut_off)
            is_free = set(known.missing) <= {here}
            if is_free and made == wanted and mask is not None and np.array_equal(known.mask[here], mask):
                if here not in known.slices:
                    known.slices = (*known.slices, here)
                return known
        return self._reductions.empty_result(method, parameters, (here,), restores_cut_off=restores)
