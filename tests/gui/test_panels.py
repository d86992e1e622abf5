"""The side panel: metal, method with its form, run."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox

from marview.gui.panels.parameter_form import ParameterForm
from marview.gui.panels.run_panel import MOST_NOTES_PX, progress_text
from marview.mar import Progress
from marview.mar.parameter_schema import resolved
from marview.session.job import State
from marview.time_left import TimeLeft


def test_the_slider_sets_the_threshold_of_the_whole_series(opened, qtbot) -> None:
    panel, metal = opened.side.metal, opened.session.metal
    assert panel.threshold.value() == round(metal.found_threshold_hu)
    panel.slider.setValue(500)
    qtbot.waitUntil(lambda: metal.recipe.threshold_hu == 500, timeout=5000)
    assert panel.threshold.value() == 500
    assert metal.counts.all()
    assert "7 slices" in panel.summary.text()
    assert "by threshold" in panel.summary.text()
    qtbot.mouseClick(panel.finder, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: metal.recipe.threshold_hu is None and not metal.is_busy, timeout=5000)
    assert "3 slices" in panel.summary.text()


def test_undo_moves_the_slider_back(opened, qtbot) -> None:
    panel, metal = opened.side.metal, opened.session.metal
    found = panel.threshold.value()
    panel.threshold.setValue(600)
    qtbot.waitUntil(lambda: metal.recipe.threshold_hu == 600, timeout=5000)
    opened.actions_table["undo"].trigger()
    assert metal.recipe.threshold_hu is None
    assert tuple(metal.slices) == (2, 3, 4)
    opened.actions_table["redo"].trigger()
    assert panel.threshold.value() == 600
    assert found != 600


def test_a_refused_margin_goes_back(opened, qtbot) -> None:
    opened.side.metal.margin.setValue(-5.0)
    qtbot.waitUntil(opened.messages.isVisible, timeout=5000)
    assert opened.side.metal.margin.value() == 0


def test_the_form_is_made_of_the_schema(opened, qtbot, fakes) -> None:
    panel, methods = opened.side.method, opened.session.methods
    qtbot.waitUntil(lambda: bool(panel.form.fields), timeout=5000)
    fields = panel.form.fields
    kinds = {"strength_hu": QDoubleSpinBox, "rounds": QSpinBox, "source": QComboBox, "is_smooth": QCheckBox}
    assert {name: type(field) for name, field in fields.items()} == kinds
    assert fields["strength_hu"].value() == 10
    assert fields["strength_hu"].suffix() == " HU"
    assert (fields["rounds"].minimum(), fields["rounds"].maximum()) == (1, 9)
    assert all(field.accessibleName() for field in fields.values())
    fields["rounds"].setValue(5)
    fields["is_smooth"].click()
    fields["source"].setCurrentIndex(1)
    fields["source"].activated.emit(1)
    assert methods.values("fake") == {"rounds": 5, "is_smooth": True, "source": "raw"}
    panel.advanced.setChecked(True)
    assert "deep" in panel.form.fields
    assert panel.form.fields["rounds"].value() == 5


def test_choices_reach_the_run(opened, qtbot, worker) -> None:
    opened.session.methods.set_value("fake", "rounds", 7)
    qtbot.mouseClick(opened.side.run.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not opened.session.runs.is_running, timeout=10_000)
    assert dict(worker.requests[0].parameters) == {"rounds": 7}
    assert "rounds 7" in opened.grid.panes["result"].caption.lines[0]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"anyOf": [{"type": "integer", "minimum": 2}, {"type": "null"}]}, "integer"),
        ({"$ref": "#/$defs/Mode"}, "string"),
        ({"allOf": [{"$ref": "#/$defs/Mode"}], "default": "b"}, "string"),
    ],
)
def test_references_and_unions_are_followed(rule, kind) -> None:
    made = resolved(rule, {"$defs": {"Mode": {"enum": ["a", "b"], "type": "string"}}})
    assert made["type"] == kind


def test_a_form_takes_a_schema_of_anything(qtbot) -> None:
    form = ParameterForm(lambda name, value: None)
    qtbot.addWidget(form)
    odd = {"properties": {"a": {}, "b": {"type": "array"}, "c": {"type": "number"}, "d": {"type": "string"}}}
    form.show_schema(odd, {}, with_advanced=True)
    assert set(form.fields) == {"c", "d"}


def test_a_list_is_a_field_with_commas_that_refuses_other_words(qtbot) -> None:
    changed = []
    form = ParameterForm(lambda name, value: changed.append((name, value)))
    qtbot.addWidget(form)
    rules = {
        "sigmas": {"type": "array", "items": {"type": "number"}, "default": [1.0, 2.5]},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}] * 2, "default": [1, 2]},
        "names": {"type": "array", "items": {"type": "string"}},
        "nested": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    }
    form.show_schema({"properties": rules}, {}, with_advanced=True)
    assert {name: field.text() for name, field in form.fields.items()} == {
        "sigmas": "1, 2.5",
        "pair": "1, 2",
        "names": "",
    }
    for name, typed in (("sigmas", "3,4.5,"), ("sigmas", "3, wide"), ("names", "bone, teeth"), ("names", "bone,teeth")):
        form.fields[name].setText(typed)
        form.fields[name].editingFinished.emit()
    assert changed == [("sigmas", [3.0, 4.5]), ("names", ["bone", "teeth"])]
    assert form.fields["sigmas"].text() == "3, 4.5"


def test_buttons_derive_from_the_job(opened, qtbot, worker) -> None:
    run = opened.side.run
    assert run.button.isVisible()
    assert not run.cancel.isVisible()
    assert not run.export.isEnabled()
    worker.gate.clear()
    qtbot.mouseClick(run.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(opened.session.result and opened.session.result.done), timeout=5000)
    assert run.button.text() == "Add to the queue"
    assert run.cancel.isVisible()
    assert run.bar.isVisible()
    assert run.text.text().startswith("1 of 3 slices")
    assert opened.actions_table["cancel"].isEnabled()
    worker.gate.set()
    qtbot.waitUntil(lambda: not opened.session.runs.is_running, timeout=5000)
    assert run.button.text() == "Reduce artifacts"
    assert run.export.isEnabled()
    assert not opened.actions_table["cancel"].isEnabled()


def test_several_results_can_be_chosen(reduced, qtbot) -> None:
    first = reduced.session.result
    reduced.session.methods.choose("other")
    reduced.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: not reduced.session.runs.is_running, timeout=5000)
    box = reduced.side.run.results
    assert box.isVisible()
    assert box.count() == 2
    assert reduced.grid.panes["result"].title.text() == "Other method"
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert reduced.session.result is first
    assert reduced.grid.panes["result"].title.text() == "Fake method"


def test_progress_in_words(reduced) -> None:
    job = reduced.session.runs.job
    job.state = State.QUEUED
    assert progress_text(job) == "Starting …"
    job.state = State.CANCELLING
    assert progress_text(job) == "Stopping …"
    job.state = State.RUNNING
    assert progress_text(job).startswith("3 of 3 slices")
    now = [0.0]
    job.left = TimeLeft(lambda: now[0])
    job.go_on(Progress(0.0, "step 0 of 12", is_learning=True))
    now[0] = 300
    job.go_on(Progress(0.25, "step 3 of 12", is_learning=True))
    assert progress_text(job) == "Learning from this patient: step 3 of 12 · about 15 min left"
    job.go_on(Progress(1.0, "3 of 3 slices with metal"))
    assert progress_text(job).startswith("3 of 3 slices")


def test_a_method_that_learns_from_the_scan_says_so_on_the_button(opened, qtbot) -> None:
    methods, button = opened.session.methods, opened.side.run.button
    assert button.text() == "Reduce artifacts"
    learning = methods.current.manifest.model_copy(update={"id": "learner", "learns_from_scan": True})
    methods.listings += (replace(methods.current, id="learner", manifest=learning),)
    methods.choose("learner")
    assert button.text() == opened.actions_table["reduce"].text() == "Train on this patient and reduce"
    assert button.isVisible()
    assert "is reused" in " ".join(button.toolTip().split())
    opened.session.metal.set_threshold(-900)  # metal in every slice: there is nothing to learn from
    qtbot.waitUntil(lambda: button.text() == "Reduce artifacts")
    opened.session.metal.undo()
    qtbot.waitUntil(lambda: button.text() == "Train on this patient and reduce")
    choosy = learning.model_copy(update={"id": "choosy", "fewest_clean": 1000})
    methods.listings += (replace(methods.current, id="choosy", manifest=choosy),)
    methods.choose("choosy")
    assert button.text() == "Reduce artifacts"
    methods.choose("fake")
    assert button.text() == "Reduce artifacts"


def test_every_control_has_a_name_for_screen_readers(opened) -> None:
    for kind in (QSpinBox, QDoubleSpinBox, QComboBox):
        for widget in opened.findChildren(kind):
            assert widget.accessibleName(), widget


def test_one_note_about_metal_is_shown_and_several_fold(opened) -> None:
    metal, notes = opened.session.metal, opened.side.metal.notes
    metal.notes = ("The HU scale is clipped at 3071.",)
    opened.side.metal.refresh()
    assert notes.text.isVisibleTo(opened.side.metal)
    assert not notes.button.isVisibleTo(opened.side.metal)
    metal.notes = ("The HU scale is clipped at 3071.", "The densest class begins at 400 HU.")
    opened.side.metal.refresh()
    assert notes.button.text() == "2 notes"
    assert not notes.text.isVisibleTo(opened.side.metal)
    notes.button.click()
    assert notes.text.isVisibleTo(opened.side.metal)


def test_open_notes_show_all_their_text_or_scroll(reduced, qtbot) -> None:
    notes = reduced.side.run.notes
    for count in (1, 3, 12):
        reduced.session.result.notes[:] = ["The image has dark streaks, which are clipped at its lowest value."] * count
        reduced.side.run.refresh()
        qtbot.mouseClick(notes.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(notes.area.isVisible)
        qtbot.wait(50)
        assert notes.area.verticalScrollBar().isVisible() == (count == 12)
        assert notes.text.height() >= notes.text.heightForWidth(notes.text.width())
        assert notes.area.height() <= MOST_NOTES_PX


def test_shrinking_the_mask_causes_a_note(opened, qtbot) -> None:
    panel, metal = opened.side.metal, opened.session.metal
    spacing_mm = min(opened.session.loaded.volume.grid.stack_mm)
    for margin_mm, is_noted in ((-spacing_mm, True), (-spacing_mm / 2, False), (spacing_mm, False)):
        panel.margin.setValue(margin_mm)
        qtbot.waitUntil(lambda at=margin_mm: metal.recipe.margin_mm == pytest.approx(at) and not metal.is_busy)
        assert panel.shrunk.isVisible() == is_noted
        assert not is_noted or panel.shrunk.text().startswith("The mask was shrunk by")


def test_the_list_of_results_names_the_margin(reduced) -> None:
    session = reduced.session
    session.results.append(replace(session.result, margin_mm=-2.0))
    reduced.side.run.refresh()
    box = reduced.side.run.results
    assert [box.itemText(k).endswith("margin -2 mm") for k in range(box.count())] == [False, True]


def test_notes_of_a_result_fold_into_their_number(reduced, qtbot) -> None:
    notes = reduced.side.run.notes
    reduced.session.result.notes[:] = ["First note.", "Second note."]
    reduced.side.run.refresh()
    assert notes.button.text() == "2 notes"
    assert not notes.text.isVisible()
    qtbot.mouseClick(notes.button, Qt.MouseButton.LeftButton)
    assert notes.text.text() == "First note.\n\nSecond note."
    assert notes.text.isVisible()
    reduced.session.result.notes.append("Third note.")
    reduced.side.run.refresh()
    assert notes.button.text() == "3 notes"
    assert not notes.text.isVisible()
    reduced.session.show(None)
    assert not notes.isVisible()


def test_a_whole_number_may_have_a_range_wider_than_a_field(qtbot) -> None:
    """The seed of the near-hip network goes to 2**31, one more than a QSpinBox takes."""
    form = ParameterForm(lambda name, value: None)
    qtbot.addWidget(form)
    rule = {"type": "integer", "minimum": -(2**40), "maximum": 2**31, "default": 2**33}
    form.show_schema({"properties": {"seed": rule}}, {}, with_advanced=True)
    seed = form.fields["seed"]
    assert (seed.minimum(), seed.maximum(), seed.value()) == (-(2**31) + 1, 2**31 - 1, 2**31 - 1)
