from pathlib import Path

import pytest

from marview.errors import UsageError
from marview.evaluation.taking_part import entry, expand
from marview.mar import Listing, Manifest


def _listing(method: str, weights: str = "", **more) -> Listing:
    facts = {"file": "weights/own.safetensors", "sha256": weights * 64, "trained_on": "slices", "licence": "MIT"}
    manifest = Manifest(
        id=method,
        title=method.upper(),
        version="1",
        api=1,
        entry="method:Method",
        weights=(facts,) if weights else (),
        **more,
    )
    return Listing(method, Path(method), "bundled", manifest)


LISTINGS = [
    _listing("nmar"),
    _listing("cnn", "A"),
    _listing("untrained", needs_weights=True),
    _listing("unet", "b"),
    _listing("slow", "c", learns_from_scan=True),
    Listing("broken", Path("broken"), "installed", error="It is wrong."),
]


def test_learned_stands_for_all_that_have_weights_but_those_that_take_minutes_for_each_scan():
    assert expand(["nmar", "learned"], LISTINGS) == ["nmar", "cnn", "unet"]
    assert expand(["unet", "learned", "nmar"], LISTINGS) == ["unet", "cnn", "nmar"]


def test_a_retrained_method_is_another_version():
    assert entry("nmar", LISTINGS).version == "1"
    first, second = (entry("cnn", [_listing("cnn", digit)]).version for digit in "ab")
    assert first != second
    assert first.startswith("1 ")


def test_a_method_that_was_not_trained_takes_no_part():
    with pytest.raises(UsageError, match="marview train untrained"):
        entry("untrained", LISTINGS)
