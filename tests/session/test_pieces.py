import numpy as np
import pytest


@pytest.fixture
def listed(opened, mail):
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.pieces.list_anew()
    mail.wait_until(lambda: len(opened.pieces.listed) == 2)
    return opened


def test_pieces_are_measured_largest_first(listed) -> None:
    bone, metal = listed.pieces.listed
    assert (bone.component.voxels, metal.component.voxels) == (7 * 16, 3 * 30)
    assert metal.component.volume_mm3 == pytest.approx(180)
    assert metal.component.highest_hu == 3004
    assert metal.component.mean_hu == pytest.approx(3003)
    assert metal.component.box[0] == slice(2, 5)


def test_a_piece_goes_off_and_on_with_undo(listed, mail) -> None:
    before = listed.metal.shared.array.copy()
    bone = listed.pieces.listed[0]
    listed.pieces.switch(bone, is_on=False)
    assert listed.metal.counts.tolist() == [0, 0, 30, 30, 30, 0, 0]
    listed.pieces.list_anew()
    mail.wait_until(lambda: len(listed.pieces.listed) == 2)
    assert [piece.is_on for piece in listed.pieces.listed] == [False, True]
    listed.pieces.switch(listed.pieces.listed[0], is_on=True)
    np.testing.assert_array_equal(listed.metal.shared.array, before)
    listed.undo()
    assert listed.metal.counts.sum() == 90
    listed.undo()
    np.testing.assert_array_equal(listed.metal.shared.array, before)


def test_finding_metal_again_forgets_switched_off_pieces(listed, mail) -> None:
    listed.pieces.switch(listed.pieces.listed[0], is_on=False)
    listed.metal.set_threshold(400)
    mail.wait_until(lambda: not listed.metal.is_busy)
    listed.pieces.list_anew()
    mail.wait_until(lambda: all(piece.is_on for piece in listed.pieces.listed))
    assert len(listed.pieces.listed) == 2


def test_going_to_a_piece_sets_slice_and_crosshair(listed) -> None:
    listed.view.go_to(0)
    listed.pieces.go_to(listed.pieces.listed[1])
    assert listed.view.display.slice_index == 4
    z, y, x = listed.pieces.listed[1].component.densest_zyx
    assert listed.series.voxel_under_cursor() == (z, y, x)


def test_a_series_without_metal_has_no_pieces(opened, mail) -> None:
    opened.metal.edit(np.zeros_like)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.pieces.list_anew()
    assert opened.pieces.listed == ()
