import numpy as np


def test_the_sinogram_of_the_slice_in_view_is_projected(opened, mail, worker, fakes) -> None:
    opened.view.go_to(3)
    opened.want_sinogram()
    mail.wait_until(lambda: opened.sinograms.current)
    made = opened.sinograms.current
    assert made.slice_index == 3
    assert made.sinogram.shape == made.trace.shape == made.filled.shape == (fakes.VIEWS, fakes.BINS)
    assert made.trace.dtype == np.bool_


def test_of_many_wanted_the_last_is_shown_and_few_are_projected(opened, mail, worker) -> None:
    for z in range(7):
        opened.view.go_to(z)
        opened.want_sinogram()
    mail.wait_until(lambda: opened.sinograms.current and opened.sinograms.current.slice_index == 6)
    assert len(worker.sinograms) <= 2
    assert not opened.sinograms.is_busy


def test_outdated_answers_are_dropped(opened, mail) -> None:
    opened.want_sinogram()
    opened.sinograms.want(None)
    mail.wait_until(lambda: not opened.sinograms.is_busy)
    assert opened.sinograms.current is None
