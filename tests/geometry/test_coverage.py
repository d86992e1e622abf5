import numpy as np
import pytest

from marview.geometry import GUESS_FRACTION, TraceCoverage


def test_nothing_hidden() -> None:
    coverage = TraceCoverage.of(np.zeros((5, 7), bool))
    assert coverage == TraceCoverage(0.0, 0, 0)
    assert not coverage.is_guess


def test_a_gap_does_not_go_on_in_the_next_view() -> None:
    trace = np.zeros((3, 10), bool)
    trace[0, 6:] = trace[1, :3] = True
    assert TraceCoverage.of(trace) == TraceCoverage(pytest.approx(7 / 30), 0, 4)


def test_a_view_without_a_ray_beside_the_trace_is_a_guess_however_small_the_trace() -> None:
    trace = np.zeros((100, 10), bool)
    trace[40] = True
    assert TraceCoverage.of(trace) == TraceCoverage(0.01, 1, 10)
    assert TraceCoverage.of(trace).is_guess


def test_rays_beside_the_body_say_nothing_of_it() -> None:
    trace, body = np.zeros((4, 10), bool), np.zeros((4, 10), bool)
    body[:3, 3:7] = True
    trace[0, 3:7] = True  # the whole body
    trace[1, 3:6] = True  # all of it but a ray
    trace[2, :3] = True  # beside it
    assert TraceCoverage.of(trace, body).hidden_views == 1
    assert TraceCoverage.of(trace, np.zeros_like(body)).hidden_views == 0
    assert TraceCoverage.of(trace).hidden_views == 0
    assert TraceCoverage.of(trace, body).is_guess


def test_from_some_share_on_it_is_a_guess() -> None:
    trace = np.zeros((10, 100), bool)
    trace[:, : round(GUESS_FRACTION * 100)] = True
    assert TraceCoverage.of(trace).is_guess
    trace[0] = False
    assert not TraceCoverage.of(trace).is_guess
