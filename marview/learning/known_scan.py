"""Whether a network was trained on a case's scan."""

import json
from collections.abc import Mapping
from dataclasses import astuple

import numpy as np

from marview.geometry import Beam
from marview.physics import Protocol, protocol, protocol_names
from marview.worker.api import MarCase

_SAME = 1e-3
"""Relative difference of lengths and angles that is one of writing them down."""


def other_scan(case: MarCase, about: Mapping[str, str]) -> str:
    """A sentence where a case's sinogram was measured by a scan its network has not seen, else empty.

    Args:
        case: to correct; a clinical image, which has no measured sinogram, is always scanned alike.
        about: metadata of the weights, as `Job.about_weights` gives them; without protocols nothing is said.
    """
    names = list(dict.fromkeys(json.loads(about.get("protocols", "[]"))))
    known = [protocol(name) for name in names if name in protocol_names()]
    if case.measured_sinogram is None or not known or any(_is_of(case, each) for each in known):
        return ""
    return (
        f"The sinogram was measured by a scan the network was not trained on (it knows {', '.join(names)}), so check "
        "its result with care."
    )


def _is_of(case: MarCase, known: Protocol) -> bool:
    lengths = np.array([case.pixel_mm, *_numbers(case.beam)]), np.array([known.pixel_mm, *_numbers(known.beam)])
    return type(case.beam) is type(known.beam) and bool(np.allclose(*lengths, rtol=_SAME, atol=1e-6))


def _numbers(beam: Beam) -> tuple[float, ...]:
    return tuple(float(value) for value in astuple(beam))
