"""Edits are undone exactly and need little memory."""

import itertools

import numpy as np
import pytest

from marview.volume.box import box_of
from marview.volume.brush import Brush
from marview.volume.mask import grow_mm
from marview.volume.metal_mask import MetalMask
from marview.volume.patch import MaskPatch, merged
from marview.volume.undo import UndoStack

SPACING = (3.0, 0.7, 0.7)


def random_masks(count: int, shape: tuple[int, int, int] = (4, 30, 31)) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.random(shape) > 0.7 for _ in range(count)]


def test_a_patch_takes_one_mask_to_the_other_and_back() -> None:
    before, after = random_masks(2)
    patch = MaskPatch.between(before, after)
    assert patch is not None
    mask = before.copy()
    assert patch.apply(mask) == box_of(before ^ after)
    np.testing.assert_array_equal(mask, after)
    patch.apply(mask)
    np.testing.assert_array_equal(mask, before)


def test_a_patch_lies_tight_around_the_change() -> None:
    mask = np.zeros((5, 20, 20), bool)
    changed = mask.copy()
    changed[2, 3:6, 4:9] = True
    patch = MaskPatch.between(mask, changed)
    assert patch is not None
    assert patch.box == (slice(2, 3), slice(3, 6), slice(4, 9))
    assert MaskPatch.between(mask, mask) is None


def test_merged_patches_do_what_they_did_one_by_one() -> None:
    states = random_masks(5)
    patches = [MaskPatch.between(a, b) for a, b in itertools.pairwise(states)]
    mask = states[0].copy()
    one = merged(patch for patch in patches if patch is not None)
    assert one is not None
    one.apply(mask)
    np.testing.assert_array_equal(mask, states[-1])
    assert merged([patches[0], patches[0]]) is None
    assert merged([]) is None


def test_the_oldest_edits_are_forgotten_beyond_the_limit() -> None:
    stack = UndoStack(limit_bytes=5000)
    masks = random_masks(10)
    for before, after in itertools.pairwise(masks):
        stack.push(MaskPatch.between(before, after))
    assert stack.nbytes <= 5000
    mask = masks[-1].copy()
    steps = 0
    while stack.undo(mask) is not None:
        steps += 1
        np.testing.assert_array_equal(mask, masks[9 - steps])
    assert 0 < steps < 9


def test_a_new_edit_forgets_what_was_undone() -> None:
    metal = MetalMask(np.zeros((1, 40, 40), bool), SPACING)
    metal.stamp((0, 10, 10), (0, 10, 10), Brush(radius_mm=2))
    metal.undo()
    assert metal.undo_stack.can_redo
    metal.stamp((0, 30, 30), (0, 30, 30), Brush(radius_mm=2))
    assert metal.redo() is None


def test_two_hundred_strokes_over_fifty_slices_come_back_bit_for_bit_in_under_two_megabytes() -> None:
    generator = np.random.default_rng(1)
    metal = MetalMask(np.zeros((50, 256, 256), bool), SPACING, hu=generator.integers(0, 4000, (50, 256, 256), np.int16))
    metal.array[:, 20:236, 20:236] = generator.random((50, 216, 216)) > 0.5
    states = [metal.array.copy()]
    for stroke in range(200):
        brush = Brush(
            radius_mm=float(generator.uniform(1, 15)),
            is_sphere=stroke % 5 == 0,
            erases=stroke % 3 == 0,
            hu_range=(1000, 4000) if stroke % 7 == 0 else None,
        )
        z = stroke % 50
        metal.begin_stroke()
        at = generator.uniform(40, 216, 2)
        for _ in range(8):
            to = at + generator.normal(0, 12, 2)
            metal.stamp((z, *at), (z, *to), brush)
            at = to
        metal.end_stroke()
        if stroke in (0, 99):
            states.append(metal.array.copy())
    states.append(metal.array.copy())
    assert metal.undo_stack.nbytes < 2e6
    seen = 0
    while metal.undo() is not None:
        seen += 1
    np.testing.assert_array_equal(metal.array, states[0])
    assert seen == 200
    while metal.redo() is not None:
        pass
    np.testing.assert_array_equal(metal.array, states[-1])


def test_a_change_of_the_whole_mask_is_one_edit() -> None:
    metal = MetalMask(random_masks(1)[0], SPACING)
    before = metal.array.copy()
    box = metal.replace(grow_mm(metal.array, 1.0, SPACING))
    assert box == box_of(before ^ metal.array)
    assert metal.replace(metal.array.copy()) is None
    metal.undo()
    np.testing.assert_array_equal(metal.array, before)
    assert metal.undo() is None


@pytest.mark.parametrize("interrupt", ["undo", "begin_stroke"])
def test_a_stroke_that_was_not_ended_counts_as_ended(interrupt: str) -> None:
    metal = MetalMask(np.zeros((1, 40, 40), bool), SPACING)
    metal.begin_stroke()
    metal.stamp((0, 10, 10), (0, 10, 10), Brush(radius_mm=2))
    metal.stamp((0, 10, 10), (0, 20, 20), Brush(radius_mm=2))
    getattr(metal, interrupt)()
    if interrupt == "begin_stroke":
        metal.undo()
    assert not metal.array.any()
    assert metal.undo_stack.can_redo


def test_slices_that_cannot_differ_are_not_read() -> None:
    before, after = np.zeros((5, 4, 4), bool), np.zeros((5, 4, 4), bool)
    after[1, 2, 2] = after[3, 1, 1] = True
    patch = MaskPatch.between(before, after, among=[1, 3])
    assert patch == MaskPatch.between(before, after)
    assert MaskPatch.between(before, after, among=[0, 2]) is None
    patch.apply(before)
    assert (before == after).all()
