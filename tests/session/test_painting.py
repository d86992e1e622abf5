"""Tools as state machines: mouse positions in voxels, and the resulting mask."""

import numpy as np
import pytest

from marview.session.metal import Recipe, Source
from marview.session.tools import Scope, Tool, Unit


def settled(session, mail) -> None:
    mail.wait_until(lambda: not session.metal.is_busy)


@pytest.fixture
def painter(opened):
    opened.view.go_to(3)
    return opened


def stroke(session, *places) -> None:
    session.painting.press(places[0])
    for place in places[1:]:
        session.painting.move(place)
    session.painting.release()


def test_a_stroke_paints_the_line_between_events_as_one_edit(painter) -> None:
    before = painter.metal.shared.array.copy()
    boxes = []
    painter.metal.touched.connect(boxes.append)
    painter.tools.update(tool=Tool.BRUSH, radius_mm=1.0)
    stroke(painter, (20.0, 10.0), (20.0, 30.0), (40.0, 30.0))
    plane = painter.metal.plane(3)
    assert plane[20, 10:31].all()
    assert plane[20:41, 30].all()
    assert len(boxes) == 3
    assert painter.metal.counts[3] == plane.sum()
    np.testing.assert_array_equal(painter.metal.shared.array[[0, 1, 2, 4, 5, 6]], before[[0, 1, 2, 4, 5, 6]])
    painter.undo()
    np.testing.assert_array_equal(painter.metal.shared.array, before)
    assert painter.metal.recipe == Recipe()
    painter.redo()
    np.testing.assert_array_equal(painter.metal.plane(3), plane)
    assert painter.metal.recipe.text == "adaptive, edited by hand"


def test_a_sphere_reaches_other_slices_and_an_hu_range_holds_it_back(painter) -> None:
    painter.tools.update(tool=Tool.BRUSH, radius_mm=3.0, is_sphere=True)
    stroke(painter, (50.0, 40.0))
    assert painter.metal.shared.array[2:5, 50, 40].all()
    painter.undo()
    painter.tools.update(is_limited=True, lowest_hu=600, highest_hu=800)
    stroke(painter, (12.0, 29.0))
    hu, mask = painter.loaded.volume.hu, painter.metal.shared.array
    painted = mask & (hu < 2000)
    assert painted.any()
    assert (hu[painted] == 700).all()


def test_the_eraser_erases_and_undo_goes_to_the_slice(painter) -> None:
    before = painter.metal.shared.array.copy()
    painter.tools.update(tool=Tool.ERASER, radius_mm=20.0)
    stroke(painter, (32.0, 40.0))
    assert painter.metal.plane(3) is None
    painter.view.go_to(0)
    painter.undo()
    assert painter.view.display.slice_index == 3
    np.testing.assert_array_equal(painter.metal.shared.array, before)


@pytest.mark.parametrize("tool", [Tool.POLYGON, Tool.FREEHAND])
def test_outlines_are_filled_and_can_take_away(painter, tool: Tool) -> None:
    painter.tools.update(tool=tool)
    corners = [(5.0, 50.0), (5.0, 70.0), (25.0, 70.0), (25.0, 50.0)]

    def outline() -> None:
        if tool is Tool.FREEHAND:
            stroke(painter, *corners)
        else:
            for corner in [*corners, (5.5, 50.5)]:  # a click near the first corner closes the outline
                stroke(painter, corner)

    outline()
    assert not painter.painting.is_outlining
    assert painter.metal.plane(3)[6:25, 51:70].all()
    painter.tools.update(removes=True)
    outline()
    assert not painter.metal.plane(3)[6:25, 51:70].any()


def test_another_slice_or_tool_lets_go_of_an_outline(painter) -> None:
    painter.tools.update(tool=Tool.POLYGON)
    stroke(painter, (5.0, 5.0))
    assert painter.painting.is_outlining
    painter.view.scroll(1)
    assert not painter.painting.is_outlining
    stroke(painter, (5.0, 5.0))
    painter.tools.take(Tool.POLYGON)
    assert painter.tools.settings.tool is Tool.NONE
    assert not painter.painting.is_outlining


def test_growing_adds_to_the_mask_and_as_a_source_is_the_mask(painter, mail, said) -> None:
    painter.metal.edit(np.zeros_like)
    settled(painter, mail)
    painter.tools.update(tool=Tool.GROW)
    stroke(painter, (32.0, 40.0))
    settled(painter, mail)
    assert painter.metal.counts.tolist() == [0, 0, 30, 30, 30, 0, 0]
    painter.metal.choose(source=Source.GROWING, seeds=(), in_slices=True)
    assert painter.metal.counts.sum() == 90  # nothing happens before the first click
    stroke(painter, (32.0, 40.0))
    settled(painter, mail)
    assert painter.metal.counts.tolist() == [0, 0, 0, 30, 0, 0, 0]
    assert painter.metal.recipe.text == "grown from 1 point, slice by slice"
    stroke(painter, (5.0, 40.0))
    settled(painter, mail)
    assert "click on the metal" in said[-1]
    stroke(painter, (-9.0, 40.0))
    settled(painter, mail)
    assert "is outside" in said[-1]
    assert painter.metal.counts.sum() == 30
    assert painter.metal.recipe.seeds == painter.metal.asked.seeds == ((3, 32, 40),)


def test_a_box_keeps_what_lies_within_and_a_click_takes_it_away(painter, mail, said) -> None:
    painter.tools.update(tool=Tool.BOX)
    stroke(painter, (31.0, 39.0), (33.0, 50.0))
    settled(painter, mail)
    assert painter.metal.counts.tolist() == [0, 0, 15, 15, 15, 0, 0]
    assert painter.metal.recipe.text == "adaptive, within a box"
    stroke(painter, (0.0, 0.0), (9.0, 9.0))
    settled(painter, mail)
    assert "There is no metal in the box" in said[-1]
    assert painter.metal.counts.sum() == 45
    stroke(painter, (1.0, 1.0))
    settled(painter, mail)
    assert painter.metal.counts.sum() == 90


def test_a_margin_applies_to_the_painted_mask_and_can_be_removed(painter, mail) -> None:
    painter.metal.set_margin(1.0)
    settled(painter, mail)
    painter.tools.update(tool=Tool.BRUSH, radius_mm=1.0)
    stroke(painter, (50.0, 40.0))
    painted = painter.metal.shared.array.copy()
    assert painter.metal.recipe.margin_mm == 0
    assert painter.metal.recipe.text == "adaptive, margin +1 mm, edited by hand"
    painter.metal.set_margin(2.0)
    settled(painter, mail)
    grown = painter.metal.shared.array.copy()
    assert grown.sum() > painted.sum()
    stroke(painter, (10.0, 10.0))
    painter.metal.set_margin(1.0)
    settled(painter, mail)
    painter.undo()
    painter.undo()
    np.testing.assert_array_equal(painter.metal.shared.array, grown)
    painter.metal.set_margin(0.0)
    settled(painter, mail)
    np.testing.assert_array_equal(painter.metal.shared.array, painted)


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("scope", list(Scope))
def test_growing_and_shrinking_on_every_scope(painter, mail, unit: Unit, scope: Scope) -> None:
    painter.tools.update(unit=unit, scope=scope, amount=2.0 if unit is Unit.MM else 1.0)
    before = painter.metal.counts.copy()
    painter.edits.grow(1)
    settled(painter, mail)
    grown = painter.metal.counts - before
    slices = {Scope.SLICE: [3], Scope.SLICES: [2, 3, 4], Scope.VOLUME: [1, 2, 3, 4, 5]}[scope]
    assert np.flatnonzero(grown).tolist() == slices
    painter.edits.grow(-1)
    settled(painter, mail)
    assert painter.metal.counts.sum() <= before.sum() + 8


def test_whole_edits_are_steps_of_undo_and_refuse_with_a_message(painter, mail, said) -> None:
    before = painter.metal.shared.array.copy()
    painter.tools.update(scope=Scope.SLICE, amount=9.0)
    painter.edits.grow(-1)
    settled(painter, mail)
    assert "would remove all metal" in said[-1]
    painter.edits.fill_holes()
    settled(painter, mail)
    assert "The mask is unchanged" in said[-1]
    painter.view.update(pointed_mm=(-30.0, -30.0))
    painter.edits.drop_piece()
    settled(painter, mail)
    assert "no metal under the cursor" in said[-1]
    painter.view.update(pointed_mm=(0.5, 0.5))
    assert painter.series.voxel_under_cursor() == (3, 32, 40)
    painter.edits.drop_piece()
    settled(painter, mail)
    assert not painter.metal.is_present
    assert painter.refusal.startswith("No metal is marked")
    painter.undo()
    np.testing.assert_array_equal(painter.metal.shared.array, before)


def test_interpolation_and_copying_go_through_slices(painter, mail, said) -> None:
    painter.tools.update(tool=Tool.ERASER, radius_mm=30.0)
    stroke(painter, (32.0, 40.0))
    assert painter.metal.counts.tolist() == [0, 0, 30, 0, 30, 0, 0]
    painter.edits.interpolate()
    settled(painter, mail)
    assert painter.metal.counts.tolist() == [0, 0, 30, 30, 30, 0, 0]
    painter.view.go_to(2)
    painter.edits.copy_to_next()
    mail.wait_until(lambda: painter.view.display.slice_index == 1)
    assert painter.metal.counts.tolist() == [0, 30, 30, 30, 30, 0, 0]
    painter.view.go_to(0)
    painter.edits.copy_to_next()
    assert "last slice" in said[-1]


def test_no_run_is_started_on_a_mask_of_the_whole_body(painter, mail, said, worker) -> None:
    painter.tools.update(tool=Tool.BRUSH, radius_mm=45.0)
    stroke(painter, (32.0, 40.0))
    painter.metal.choose(source=Source.THRESHOLD, threshold_hu=-500.0)
    settled(painter, mail)
    painter.reduce()
    assert "of the body" in said[-1]
    assert not worker.requests
    assert not painter.runs.is_running


def test_every_source_finds_the_metal(painter, mail) -> None:
    metal = painter.metal
    metal.set_source(Source.THRESHOLD)
    assert metal.asked.threshold_hu == metal.found_threshold_hu  # it continues from the present threshold
    metal.set_threshold(2000)
    for source in (Source.THRESHOLD, Source.K_MEANS, Source.ADAPTIVE):
        metal.set_source(source)
        settled(painter, mail)
        assert metal.recipe.source is source
        assert metal.counts.sum() == 90, source
    metal.choose(source=Source.K_MEANS, classes=3, in_slices=True)
    settled(painter, mail)
    assert metal.counts[2:5].tolist() == [30, 30, 30]
    assert metal.recipe.text == "densest of 3 classes, slice by slice"
    metal.set_source(Source.ADAPTIVE)
    settled(painter, mail)
    assert metal.counts.any()
    assert metal.recipe.text == "adaptive, slice by slice"


def test_pieces_too_small_are_dropped_and_too_much_is_refused(painter, mail, said) -> None:
    painter.metal.set_threshold(500)
    settled(painter, mail)
    assert painter.metal.counts.all()
    painter.metal.choose(smallest_mm3=150.0)  # the block of bone has 7 * 16 voxels of 2 mm3, the metal 90
    settled(painter, mail)
    assert painter.metal.is_present
    painter.metal.choose(smallest_mm3=5000.0)
    settled(painter, mail)
    assert "smaller than 5000 mm3" in said[-1]
    assert painter.metal.recipe.smallest_mm3 == 150.0


def test_the_brush_grows_in_steps_that_come_back(painter) -> None:
    tools = painter.tools
    radii = [tools.settings.radius_mm]
    for _ in range(30):
        tools.resize(1)
        radii.append(tools.settings.radius_mm)
    assert radii == sorted(radii)
    assert radii[-1] <= 50
    for radius in radii[-2::-1]:
        tools.resize(-1)
        assert tools.settings.radius_mm == pytest.approx(radius, abs=2.0)
    tools.resize(-40)
    assert tools.settings.radius_mm == 0.5
