"""Which methods take part in a benchmark, and under which version their numbers are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from marview.evaluation.benchmark import Entry
from marview.mar import Listing, find_usable
from marview.mar.manifest import Manifest

LEARNED = "learned"
"""Stands for every method that brings all it has learned: one that learns from the scan takes minutes for each."""

CLASSICAL = ("linear_interpolation", "nmar")
"""What learned methods are held against; the share of the ceiling is counted from NMAR."""


def expand(methods: Sequence[str], listings: Sequence[Listing]) -> list[str]:
    """Identifiers, each once; `learned` gives way to all methods of that kind, in the order of the listings."""
    trained = [each.id for each in listings if each.manifest is not None and _is_learned(each.manifest)]
    wanted = [each for method in methods for each in (trained if method == LEARNED else [method])]
    return list(dict.fromkeys(wanted))


def entry(method: str, listings: Sequence[Listing], parameters: Mapping[str, Any] | None = None) -> Entry:
    """A method that takes part; trained anew, it counts as another version.

    Raises:
        UsageError: there is no such method, or it is not trained.
    """
    manifest = find_usable(method, list(listings)).manifest
    assert manifest is not None
    weights = "".join(f" {each.sha256[:12].lower()}" for each in manifest.weights)
    return Entry(
        manifest.id, manifest.title, dict(parameters or {}), manifest.version + weights, manifest.learns_from_scan
    )


def _is_learned(manifest: Manifest) -> bool:
    return bool(manifest.weights) and not manifest.learns_from_scan
