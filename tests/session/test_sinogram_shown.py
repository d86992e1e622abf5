"""The snapshot of the sinogram of the slice in view follows from the session's state alone."""

from dataclasses import replace

import numpy as np

from marview.errors import MethodFailed
from marview.session.display import SinogramPicture
from marview.session.sinogram_shown import Absence, SinogramShown, resolve


def projected(opened, mail) -> SinogramShown:
    """Return the snapshot of slice 3, projected before any run."""
    opened.view.go_to(3)
    opened.want_sinogram()
    mail.wait_until(lambda: opened.sinograms.current is not None)
    return resolve(opened, SinogramShown())


def test_without_a_series_there_is_nothing_to_project(session) -> None:
    shown = resolve(session, SinogramShown())
    assert shown.absence is Absence.NO_SERIES
    assert not shown.is_wanted


def test_a_slice_is_wanted_until_it_was_asked_for(opened, mail) -> None:
    shown = resolve(opened, SinogramShown())
    assert shown.absence is Absence.PROJECTING
    assert shown.is_wanted
    shown = projected(opened, mail)
    assert shown.absence is None
    assert not shown.is_wanted
    kinds = SinogramPicture
    assert shown.pictures.available == {kinds.ORIGINAL, kinds.FILLED, kinds.DIFFERENCE}
    opened.view.go_to(4)
    assert resolve(opened, shown).is_wanted


def test_a_slice_that_was_refused_is_not_asked_for_again_and_again(opened, worker, monkeypatch) -> None:
    def refuse(*_):
        raise MethodFailed("The worker does not start.")

    monkeypatch.setattr(worker, "sinogram", refuse)
    opened.want_sinogram()
    shown = resolve(opened, SinogramShown())
    assert shown.absence is Absence.REFUSED
    assert not shown.is_wanted
    opened.view.go_to(4)
    assert resolve(opened, shown).is_wanted


def test_another_mask_makes_a_projected_slice_wanted_and_keeps_its_pictures(opened, mail) -> None:
    shown = projected(opened, mail)
    assert resolve(opened, shown).pictures is shown.pictures
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    later = resolve(opened, shown)
    assert later.pictures is shown.pictures
    assert later.is_wanted


def test_a_trace_from_before_the_slice_had_metal_is_not_shown(opened, mail, monkeypatch) -> None:
    shown = projected(opened, mail)
    assert opened.metal.plane(shown.slice_index) is not None
    empty = replace(opened.sinograms.current, trace=np.zeros_like(shown.trace))
    monkeypatch.setattr(opened.sinograms, "current", empty)
    monkeypatch.setattr(opened.traces, "current", None)
    older = resolve(opened, SinogramShown())
    assert (older.trace, older.coverage, older.absence) == (None, None, Absence.PROJECTING)
