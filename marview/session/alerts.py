"""Warn about serious findings in a series when the series comes into view."""

from marview.dicom import Kind, LoadedSeries, Outcome
from marview.session.library import Library
from marview.session.messages import Messages, Severity
from marview.text import tr
from marview.told import told

ALERTING = frozenset(
    {
        Kind.BITS,
        Kind.DAMAGED,
        Kind.DOUBTFUL,
        Kind.MISSING_SLICE,
        Kind.MIXED,
        Kind.NO_POSITION,
        Kind.NOT_HU,
        Kind.PASSED_OVER,
        Kind.SAME_POSITION,
        Kind.SAME_UID,
        Kind.SEVERAL_PATIENTS,
    }
)
"""Kinds of findings that are shown as a message: images that are missing, misplaced, wrong, or of another patient.
Other kinds are shown only as a badge in the list.
"""

_MOST = 2


class Alerts:
    """Warnings about serious findings in a series, shown once per series."""

    def __init__(self, library: Library, messages: Messages) -> None:
        self._library = library
        self._messages = messages
        self._told: set[str] = set()
        library.finished.connect(self._tell)

    def _tell(self, loaded: LoadedSeries) -> None:
        chosen = self._library.chosen
        if chosen is None or chosen.key in self._told or not loaded.report.is_volume:
            return  # if a series can only be viewed, the disabled button already shows the reason
        self._told.add(chosen.key)
        findings = [one for one in loaded.report.findings if one.outcome is Outcome.WARNS and one.kind in ALERTING]
        if not findings:
            return
        sentences = [told(finding.sentence) for finding in findings[:_MOST]]
        if len(findings) > _MOST:
            sentences.append(tr("Point at the series in the list to read all findings."))
        self._messages.say(Severity.WARNING, " ".join(sentences))
