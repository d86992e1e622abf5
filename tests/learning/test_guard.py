"""Cases outside the training data of a network."""

import json
import re

import pytest
import torch

from marview.geometry import ParallelBeam
from marview.learning import guard
from marview.learning.guard import Seen, measured, warnings
from marview.methods.api import MarCase
from marview.physics.attenuation import mu_to_hu

SIZE = 32


def made_case(pairs, *, first: int = 7) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=pairs.projector.pixel_mm,
        beam=ParallelBeam(views=24, bins=47, bin_mm=4.0),
        slice_indices=[first + k for k in range(len(pairs))],
        measured_sinogram=pairs.sinogram,
        measured_trace=pairs.trace,
    )


def seen_in(small, count: int) -> Seen:
    seen = Seen()
    for number in range(count):
        seen.add(small.pairs(number))
    return seen


def test_nearly_all_training_cases_get_no_note(small) -> None:
    about = {"limits": json.dumps(seen_in(small, 40).limits)}
    notes = [warnings(made_case(small.pairs(number)), about) for number in range(40)]
    assert sum(map(bool, notes)) <= 6


def test_one_odd_slice_does_not_widen_the_limits(small, monkeypatch) -> None:
    """A single slice with streaks of 12,000 HU must not make everything look usual."""
    usual = torch.linspace(1000.0, 2000.0, 400)
    monkeypatch.setattr(guard, "measured", lambda *_: dict.fromkeys(("trace_share", "body_share", "dense_hu"), usual))
    seen = Seen()
    seen.add(small.pairs(0))
    usual = torch.tensor([12_000.0])
    seen.add(small.pairs(0))
    lowest, highest = seen.limits["dense_hu"]
    assert 1000 <= lowest < 1010
    assert 1990 < highest <= 2000


def test_a_resumed_training_keeps_its_limits(small) -> None:
    whole, first = seen_in(small, 5), seen_in(small, 3)
    second = Seen({"limits": json.dumps(first.limits), **first.facts})
    assert second.limits == first.limits
    for number in (3, 4):
        second.add(small.pairs(number))
    assert second.limits == whole.limits


def test_where_only_weights_were_kept_their_limits_stand_until_enough_is_shown(small, monkeypatch) -> None:
    kept = {"limits": json.dumps({"dense_hu": [1.0, 2.0]})}
    seen = Seen(kept)
    assert seen.limits == {"dense_hu": (1.0, 2.0)}
    for number in range(20):
        seen.add(small.pairs(number))
    fresh = seen_in(small, 20).limits["dense_hu"]
    assert seen.limits["dense_hu"] == (1.0, fresh[1]), "a few slices do not narrow what the network knows"
    seen = Seen(kept)
    usual = torch.linspace(1000.0, 2000.0, 400)
    monkeypatch.setattr(guard, "measured", lambda *_: dict.fromkeys(("trace_share", "body_share", "dense_hu"), usual))
    seen.add(small.pairs(0))
    assert seen.limits["dense_hu"] == pytest.approx((1002.5, 1997.5), abs=3), "many do"


def test_weights_without_limits_give_no_notes(small) -> None:
    assert warnings(made_case(small.pairs(0)), {}) == []


@pytest.mark.parametrize(
    ("name", "below", "above", "words"),
    [
        ("trace_share", False, True, "metal hides [0-9.]+% of the sinogram"),
        ("body_share", True, True, "the body fills [0-9.]+% of the image"),
        ("dense_hu", False, True, "reach [0-9]+ HU beside the metal"),
    ],
)
def test_values_outside_the_limits_are_named_with_the_slice(small, name, below, above, words) -> None:
    pairs = small.pairs(0)
    value = float(measured(pairs.image, pairs.metal, pairs.trace)[name][0])
    for known, is_told in (([value * 0.5, value * 0.9], above), ([value * 1.1, value * 2], below)):
        notes = warnings(made_case(pairs), {"limits": json.dumps({name: known})})
        assert len(notes) == is_told
        if is_told:
            assert str(notes[0]).startswith("Slice 7: ")
            assert re.search(words, str(notes[0]))


def test_slices_without_metal_get_no_note(small) -> None:
    pairs = small.pairs(0)
    case = made_case(pairs)
    bare = MarCase(case.hu, torch.zeros_like(case.metal), case.pixel_mm, case.beam, [0], case.measured_sinogram)
    assert warnings(bare, {"limits": json.dumps({"body_share": [0, 0]})}) == []
