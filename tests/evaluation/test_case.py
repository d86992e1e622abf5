import dataclasses

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.evaluation.case import check_case


def test_a_good_case_is_handed_on(make_case):
    known = make_case()
    assert check_case(known) is known


def test_one_slice_of_a_case_is_a_case(make_case):
    known = make_case()
    one = check_case(known.slice(1))
    assert one.case.hu.shape[0] == one.truth_hu.shape[0] == one.case.measured_sinogram.shape[0] == 1
    assert torch.equal(one.case.hu[0], known.case.hu[1])
    assert np.array_equal(one.metal_free_sinogram, known.metal_free_sinogram)


def _with(known, **changes):
    return dataclasses.replace(known, case=dataclasses.replace(known.case, **changes))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda known: dataclasses.replace(known, truth_hu=known.truth_hu[:1]), "have different shapes"),
        (lambda known: _with(known, metal=known.case.metal[:, :10]), "have different shapes"),
        (
            lambda known: _with(known, measured_sinogram=known.case.measured_sinogram[..., :50]),
            "sinogram has shape",
        ),
        (lambda known: _with(known, hu=known.case.hu * torch.nan), "non-finite"),
        (lambda known: dataclasses.replace(known, metal_free_sinogram=known.metal_free_sinogram / 0), "non-finite"),
        (lambda known: _with(known, metal=known.case.metal * False), "empty"),
        (lambda known: _with(known, metal=known.case.metal | True), "more than half of the body"),
    ],
)
def test_an_unusable_case_is_refused_by_name_with_the_reason(make_case, spoil, sentence):
    with np.errstate(all="ignore"):
        spoiled = spoil(make_case("spoiled"))
    with pytest.raises(BadInput, match=sentence) as refusal:
        check_case(spoiled)
    assert "spoiled" in str(refusal.value)
