"""Choose the methods of a benchmark, and the version under which their results are stored."""

from collections.abc import Mapping, Sequence
from typing import Any

from marview.evaluation.benchmark import Entry
from marview.mar import Listing, find_usable
from marview.mar.manifest import Manifest

LEARNED = "learned"
"""Name for all methods with weights; methods that learn from the scan are excluded, because they take minutes."""

CLASSICAL = ("linear_interpolation", "nmar")
"""Methods for comparison with learned ones; the column *To ceiling* is 0 for NMAR."""


def expand(methods: Sequence[str], listings: Sequence[Listing]) -> list[str]:
    """Return the method identifiers without duplicates; `learned` expands to all listed learned methods."""
    trained = [each.id for each in listings if each.manifest is not None and _is_learned(each.manifest)]
    wanted = [each for method in methods for each in (trained if method == LEARNED else [method])]
    return list(dict.fromkeys(wanted))


def entry(method: str, listings: Sequence[Listing], parameters: Mapping[str, Any] | None = None) -> Entry:
    """Return an installed method as a benchmark entry; new weights count as a new version.

    Raises:
        UsageError: the method is unknown or not trained.
    """
    manifest = find_usable(method, list(listings)).manifest
    assert manifest is not None
    weights = "".join(f" {each.sha256[:12].lower()}" for each in manifest.weights)
    return Entry(
        manifest.id, manifest.title, dict(parameters or {}), manifest.version + weights, manifest.learns_from_scan
    )


def _is_learned(manifest: Manifest) -> bool:
    return bool(manifest.weights) and not manifest.learns_from_scan
