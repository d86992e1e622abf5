"""The named protocols: their constants, and that their rays see the image."""

import math
from pathlib import Path

import numpy as np
import pytest

from marview.errors import UsageError
from marview.geometry import FanBeamArc, FanBeamFlat
from marview.physics import protocol, protocol_names
from marview.projection import Projector


def test_all_protocols_of_the_field_are_there() -> None:
    assert set(protocol_names()) == {
        "syndeeplesion-640",
        "dudonet-320",
        "dudonet-640",
        "adn-256",
        "cnnmar-984",
        "aapm-1000",
    }


def test_the_page_on_simulation_lists_every_protocol() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "physics.md").read_text(encoding="utf-8")
    table = page.partition("tube kV")[2].partition("\n\n")[0]
    listed = [line for line in table.splitlines() if line.startswith("| `")]
    for line, known in zip(listed, map(protocol, protocol_names()), strict=True):
        rows, columns = known.shape
        assert line == (
            f"| `{known.name}` | {rows} x {columns} | {known.pixel_mm:.4f} | {columns * known.pixel_mm:.1f} | "
            f"{known.beam.views} x {known.beam.bins} | {known.tube_kv} |"
        )


def test_syndeeplesion_is_flat_with_views_at_half_steps() -> None:
    chosen = protocol("syndeeplesion-640")
    beam = chosen.beam
    assert isinstance(beam, FanBeamFlat)
    assert chosen.pixel_mm == pytest.approx(0.36923, abs=1e-5)
    assert beam.source_to_isocentre_mm == pytest.approx(396.9, abs=0.1)
    assert beam.source_to_detector_mm == 2 * beam.source_to_isocentre_mm
    assert beam.bin_mm == pytest.approx(0.67776, abs=1e-5)
    assert beam.angles_rad[0] == pytest.approx(math.pi / 640)


@pytest.mark.parametrize(
    ("name", "views", "bins", "distance_mm", "pixel_mm"),
    [
        ("dudonet-320", 320, 321, 396.9, 0.36923),
        ("dudonet-640", 640, 641, 1058.5, 0.98462),
        ("adn-256", 320, 197, 645.0, 0.6),
        ("cnnmar-984", 984, 920, 595.0, 0.8),
        ("aapm-1000", 1000, 900, 550.0, 0.78125),
    ],
)
def test_arcs(name: str, views: int, bins: int, distance_mm: float, pixel_mm: float) -> None:
    chosen = protocol(name)
    assert isinstance(chosen.beam, FanBeamArc)
    assert (chosen.beam.views, chosen.beam.bins) == (views, bins)
    assert chosen.beam.source_to_isocentre_mm == pytest.approx(distance_mm, abs=0.1)
    assert chosen.pixel_mm == pytest.approx(pixel_mm, abs=1e-5)


@pytest.mark.parametrize("name", protocol_names())
def test_the_fan_sees_the_circle_inside_the_image(name: str) -> None:
    chosen = protocol(name)
    projector = Projector(chosen.beam, shape=chosen.shape, pixel_mm=chosen.pixel_mm)
    edge_mm = 0.97 * chosen.shape[0] / 2 * chosen.pixel_mm
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        assert np.isfinite(projector.sinusoid((edge_mm * np.cos(angle), edge_mm * np.sin(angle)))).all()


def test_an_unknown_protocol_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match=r"no protocol 'mri'.*adn-256"):
        protocol("mri")
