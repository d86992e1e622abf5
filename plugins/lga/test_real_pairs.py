"""Tests for pairing slices of real scans by matching and aligning them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.learning.api import Asked
from marview.learning.bank import Bank, Banks
from marview.learning.recipe import read_recipe

HERE = Path(__file__).parent


def body(level: int, shift_px: int = 0, *, is_artifact: bool = True) -> np.ndarray:
    """Return a slice of a body with a metal rod; the outline and the bone depend on the level."""
    y, x = np.mgrid[:128, :128] - 64
    x = x - shift_px
    hu = np.where((x / (35 + 4 * level)) ** 2 + (y / (48 - 4 * level)) ** 2 < 1, 40, -1000)
    hu[np.hypot(x - 14, y + 20 - 8 * level) < 7] = 700
    if is_artifact:
        hu = hu - (300 * np.exp(-((y / 6) ** 2)) * (hu > -900)).astype(int)
    hu[np.hypot(x, y) < 4] = 3000
    return hu.astype(np.int16)


def bank(levels: list[int], **how: Any) -> Bank:
    return Bank([body(level, **how) for level in levels], [f"series_00_{level:03d}" for level in levels])


def test_slices_match_those_of_their_level(room: Any) -> None:
    found = room.real_pairs.matched(bank([0, 1, 2, 3]), bank([3, 1, 0, 2], is_artifact=False))
    assert [(each.ordinary, each.spectral) for each in found] == [(0, 2), (1, 1), (2, 3), (3, 0)]
    noise = Bank([np.random.default_rng(0).integers(-1000, 1000, (128, 128)).astype(np.int16)], ["noise_000"])
    assert room.real_pairs.matched(bank([0]), noise) == ()
    assert room.real_pairs.matched(bank([0]), Bank([], [])) == ()


def test_a_shifted_spectral_slice_is_moved_back(room: Any) -> None:
    pairs = room.real_pairs.RealPairs(
        one := bank([1]),
        other := bank([1], shift_px=4, is_artifact=False),
        Bank([], []),
        room.real_pairs.matched(one, other),
        3,
    )
    seen = pairs(0)
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(body(1, is_artifact=False).astype(np.float32))[None, None],
        size=seen.gsi_hu.shape,
        mode="bilinear",
    )[0, 0]
    before = torch.roll(wanted, 13, dims=1)
    assert float((seen.gsi_hu - wanted).abs().mean()) < 0.35 * float((before - wanted).abs().mean())
    assert seen.ordinary_hu.shape == (3, 416, 416)
    assert bool(seen.mask.any())
    assert torch.equal(seen.clean_hu[0], seen.gsi_hu)  # without clean slices, the spectral slice is used in their place


def test_a_run_learns_from_ordinary_and_spectral_scans(room: Any, tmp_path: Path, monkeypatch: Any) -> None:
    def read(path: Path, _tell: Any, *, has_metal: bool = False, option: str = "") -> Banks:
        assert option == f"--{path.name}" or not has_metal
        if not has_metal:
            raise BadInput("no slice without metal")
        how = {"is_artifact": path.name == "ordinary"}
        return Banks(bank([0, 1, 2], **how), bank([3], **how), 0, 0, has_metal=True)

    monkeypatch.setattr(room.sources, "read_banks", read)
    recipe = read_recipe(HERE, "tiny")
    asked = Asked(tmp_path / "ordinary", recipe, torch.device("cpu"), spectral=tmp_path / "gsi")
    sources = room.alignment_training.AlignmentTraining().sources(asked)
    assert sources.words == "3 pairs of ordinary and spectral slices for training, 1 for validation"
    assert len(sources.training(0)) == recipe.data.batch
    monkeypatch.setattr(room.sources, "matched", lambda *_: ())
    with pytest.raises(BadInput, match="there are no pairs"):
        room.alignment_training.AlignmentTraining().sources(asked)
