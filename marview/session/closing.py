"""Close series and studies; ask for confirmation if unsaved work would be lost."""

from collections.abc import Callable, Sequence

from marview.session.entries import Entry
from marview.session.kept_work import KeptWork
from marview.session.library import Library
from marview.session.messages import Messages, Question
from marview.session.runs import Runs
from marview.text import tr


class Closing:
    """Object that closes series and studies in the list.

    Args:
        library: listed series.
        runs: queue of runs; the runs of a closed series are cancelled.
        kept: store of the user's work on each series.
        messages: object that shows questions to the user.
        let_go: function called with the key of a series before the user's work on the series is
            discarded.
    """

    def __init__(
        self, library: Library, runs: Runs, kept: KeptWork, messages: Messages, let_go: Callable[[str], None]
    ) -> None:
        self._library = library
        self._runs = runs
        self._kept = kept
        self._messages = messages
        self._let_go = let_go
        self._question: Question | None = None

    def close_series(self, entry: Entry) -> None:
        """Close a series; ask first if it has unsaved work."""
        self._ask([entry], entry.series.description)

    def close_study(self, entry: Entry) -> None:
        """Close all series of an entry's study; ask first if there is unsaved work."""
        uid = entry.study.uid
        study = [one for one in self._library.entries if one.study.uid == uid] if uid else [entry]
        self._ask(study, entry.study.description or tr("the study"))

    def close_at_once(self, entry: Entry) -> None:
        """Close a series without asking, and discard the work on it."""
        self._runs.cancel_all(lambda job: job.result.series == entry.key)
        self._let_go(entry.key)
        self._kept.drop(entry.key)
        self._library.remove(entry)

    def _ask(self, entries: Sequence[Entry], name: str) -> None:
        lost = [what for entry in entries for what in self._kept.unsaved_of(entry.key)]

        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            listed = {one.key for one in self._library.entries}  # the user may answer after the series was closed
            for entry in entries if is_yes else ():
                if entry.key in listed:
                    self.close_at_once(entry)

        if self._question is not None:
            self._messages.withdraw(self._question)
            self._question = None
        if lost:
            sentence = tr("Close {} and lose {}?").format(name, "; ".join(dict.fromkeys(lost)))
            self._question = self._messages.ask(Question(sentence, tr("Close"), tr("Keep"), answer))
        else:
            answer(True)  # noqa: FBT003
