"""How long methods take on this machine, from the runs that were made on it."""

from statistics import median

from marview.mar.discovery import Listing
from marview.session.runs import Job, State
from marview.session.settings import Settings

MOST = 9
"""So many runs of a method are remembered, the latest."""


class Speeds:
    """Remembers seconds per slice, by method, version and device; nothing of a patient."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def note(self, job: Job) -> None:
        """Remember a run that is done; one that learned from the scan says nothing of the seconds per slice."""
        result, request = job.result, job.request
        if job.state is not State.DONE or job.has_learned or request is None or "seconds" not in result.report:
            return
        known = self._settings.speeds.setdefault(_key(result.method, result.version, result.device), [])
        known.append(round(float(result.report["seconds"]) / len(request.wanted), 4))
        del known[:-MOST]

    def seconds_a_slice(self, listing: Listing | None, device: str = "auto") -> tuple[float, int] | None:
        """Median seconds per slice and the number of runs it comes from; None where no run was made on the device."""
        if listing is None or listing.manifest is None:
            return None
        wanted = "" if device == "auto" else device
        start = _key(listing.id, listing.manifest.version, wanted)
        seconds = [each for key, known in self._settings.speeds.items() if key.startswith(start) for each in known]
        return (median(seconds), len(seconds)) if seconds else None


def _key(method: str, version: str, device: str) -> str:
    return f"{method} {version} {device}"
