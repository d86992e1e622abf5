"""Notes on scans that a network does not know."""

import json
from dataclasses import replace

import pytest
import torch

from marview.geometry import processing_beam
from marview.learning.guard import warnings
from marview.learning.known_scan import other_scan
from marview.methods.api import MarCase
from marview.physics import protocol

ABOUT = {"protocols": json.dumps(["syndeeplesion-640", "adn-256", "adn-256"])}


def case_of(name: str, *, is_measured: bool = True) -> MarCase:
    scan = protocol(name)
    rays = torch.zeros(1, scan.beam.views, scan.beam.bins)
    return MarCase(
        hu=torch.zeros(1, *scan.shape),
        metal=torch.zeros(1, *scan.shape, dtype=torch.bool),
        pixel_mm=scan.pixel_mm,
        beam=scan.beam,
        measured_sinogram=rays if is_measured else None,
        measured_trace=rays > 0,
    )


@pytest.mark.parametrize("name", ["syndeeplesion-640", "adn-256"])
def test_a_scan_of_the_training_gets_no_note(name: str) -> None:
    assert other_scan(case_of(name), ABOUT) == ""


@pytest.mark.parametrize("name", ["dudonet-320", "dudonet-640", "cnnmar-984"])
def test_an_unknown_scan_gets_one_note_with_the_known_ones(name: str) -> None:
    said = other_scan(case_of(name), ABOUT)
    assert "not trained on. The network was trained on syndeeplesion-640, adn-256. Check" in said
    assert said in warnings(case_of(name), ABOUT)


def test_the_same_beam_at_another_pixel_is_another_scan() -> None:
    assert other_scan(replace(case_of("adn-256"), pixel_mm=1.0), ABOUT)


def test_clinical_images_are_all_scanned_alike() -> None:
    case = replace(case_of("dudonet-640", is_measured=False), beam=processing_beam(0.7))
    assert other_scan(case, ABOUT) == ""


def test_weights_that_say_nothing_warn_of_nothing() -> None:
    assert other_scan(case_of("dudonet-640"), {}) == ""
