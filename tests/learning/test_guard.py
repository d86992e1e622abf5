"""What is outside of what a network was trained on."""

import json
import re

import pytest
import torch

from marview.geometry import ParallelBeam
from marview.learning.guard import limits, measured, warnings
from marview.physics.attenuation import mu_to_hu
from marview.worker.api import MarCase

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


def test_nothing_is_said_of_what_was_trained_on(small) -> None:
    batches = [small.pairs(number) for number in range(4)]
    about = {"limits": json.dumps(limits(batches))}
    for pairs in batches:
        assert warnings(made_case(pairs), about) == []


def test_nothing_is_said_where_weights_know_no_limits(small) -> None:
    assert warnings(made_case(small.pairs(0)), {}) == []


@pytest.mark.parametrize(
    ("name", "below", "above", "words"),
    [
        ("trace_share", False, True, "metal hides [0-9]+% of the sinogram"),
        ("body_share", True, True, "the body fills [0-9]+% of the image"),
        ("dense_hu", False, True, "reach [0-9]+ HU beside the metal"),
    ],
)
def test_what_leaves_the_limits_is_named_with_the_slice(small, name, below, above, words) -> None:
    pairs = small.pairs(0)
    value = float(measured(pairs.image, pairs.metal, pairs.trace)[name][0])
    for known, is_told in (([value * 0.5, value * 0.9], above), ([value * 1.1, value * 2], below)):
        notes = warnings(made_case(pairs), {"limits": json.dumps({name: known})})
        assert len(notes) == is_told
        if is_told:
            assert notes[0].startswith("Slice 7: ")
            assert re.search(words, notes[0])


def test_slices_without_metal_are_not_told_of(small) -> None:
    pairs = small.pairs(0)
    case = made_case(pairs)
    bare = MarCase(case.hu, torch.zeros_like(case.metal), case.pixel_mm, case.beam, [0], case.measured_sinogram)
    assert warnings(bare, {"limits": json.dumps({"body_share": [0, 0]})}) == []
