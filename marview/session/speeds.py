"""Store the speed of each method, measured in earlier runs on this computer."""

from statistics import median

from marview.mar.discovery import Listing
from marview.session.job import Job, State
from marview.session.settings import MOST_SPEEDS, Settings, is_speed


class Speeds:
    """Seconds per slice of earlier runs, by method, version and device."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def note(self, job: Job) -> None:
        """Record the seconds per slice of a finished run; runs that first train on the scan are skipped."""
        result, request = job.result, job.request
        if job.state is not State.DONE or job.has_learned or request is None or "seconds" not in result.report:
            return
        seconds = float(result.report["seconds"]) / len(request.wanted)
        if not is_speed(seconds):
            return
        known = self._settings.speeds.setdefault(_key(result.method, result.version, result.device), [])
        known.append(round(seconds, 4))
        del known[:-MOST_SPEEDS]

    def seconds_a_slice(self, listing: Listing | None, device: str = "auto") -> tuple[float, int] | None:
        """Return the median seconds per slice and the number of runs; None if no run used the device."""
        if listing is None or listing.manifest is None:
            return None
        wanted = "" if device == "auto" else device
        start = _key(listing.id, listing.manifest.version, wanted)
        seconds = [each for key, known in self._settings.speeds.items() if key.startswith(start) for each in known]
        return (median(seconds), len(seconds)) if seconds else None


def _key(method: str, version: str, device: str) -> str:
    return f"{method} {version} {device}"
