"""Pairs from a clean scan: the grid, the truth and the metal agree."""

import numpy as np
import pytest

from marview.errors import BadInput
from marview.geometry import Grid
from marview.physics import Simulation, protocol
from marview.physics.implants import Implant, Part
from marview.physics.insert import insert
from marview.physics.shapes import ball
from marview.volume.volume import Volume

SHAPE = (3, 100, 128)
SPACING_MM = (5.0, 2.0, 2.0)
PIN = Implant("pin", (Part(ball((40.0, 10.0, 0.0), 9.0), "ti"),))


@pytest.fixture(scope="module")
def volume() -> Volume:
    y, x = np.mgrid[-50:50, -64:64]
    hu = np.where((x / 55) ** 2 + (y / 40) ** 2 < 1, 40, -1000).astype(np.int16)
    return Volume(np.repeat(hu[None], 3, axis=0), Grid.from_spacing(SHAPE, SPACING_MM))


def test_metal_stays_at_its_place_in_the_patient(volume: Volume) -> None:
    pair = insert(volume, (PIN,), protocol("adn-256"))
    assert pair.hu.shape == pair.truth_hu.shape == pair.metal.shape == pair.grid.shape == (3, 256, 256)
    centre = pair.grid.to_patient(np.argwhere(pair.metal).mean(axis=0))
    middle = volume.grid.to_patient([(n - 1) / 2 for n in SHAPE])
    np.testing.assert_allclose(centre - middle, (40, 10, 0), atol=0.5)
    assert pair.hu[pair.metal].max() > 3000


def test_the_truth_is_the_clean_scan(volume: Volume) -> None:
    pair = insert(volume, (PIN,), protocol("adn-256"))
    middle = volume.grid.to_patient([(n - 1) / 2 for n in SHAPE])
    z, y, x = np.rint(pair.grid.to_index(middle)).astype(int)
    assert pair.truth_hu[z, y, x] == 40
    assert pair.truth_hu[0, 0, 0] == -1000
    assert abs(float(pair.hu[0, y - 20 : y + 20, x - 60 : x - 20].mean()) - 40) < 20


def test_progress_and_batches_are_reported(volume: Volume) -> None:
    shares: list[float] = []
    batches: list[tuple[int, Simulation]] = []
    insert(
        volume,
        (PIN,),
        protocol("adn-256"),
        progress=shares.append,
        on_batch=lambda start, simulation: batches.append((start, simulation)),
    )
    assert shares == [1.0]
    assert batches[0][0] == 0
    assert batches[0][1].sinogram.shape == (3, 320, 197)


def test_metal_beside_or_all_over_the_body_is_refused(volume: Volume) -> None:
    with pytest.raises(BadInput, match="No part of the implant"):
        insert(volume, (Implant("pin", (Part(ball((900.0, 0.0, 0.0), 5.0), "ti"),)),), protocol("adn-256"))
    with pytest.raises(BadInput, match="covers more than half of the body"):
        insert(volume, (Implant("pin", (Part(ball((0.0, 0.0, 0.0), 120.0), "ti"),)),), protocol("adn-256"))


def test_metal_stays_at_its_place_where_only_some_slices_are_scanned(volume: Volume) -> None:
    starts: list[int] = []
    whole = insert(volume, (PIN,), protocol("adn-256"))
    upper = insert(
        volume, (PIN,), protocol("adn-256"), slices=range(1, 3), on_batch=lambda start, _: starts.append(start)
    )
    assert starts == [1]
    assert np.array_equal(upper.metal, whole.metal[1:])
    assert np.array_equal(upper.truth_hu, whole.truth_hu[1:])
    np.testing.assert_allclose(upper.grid.to_patient([0, 0, 0]), whole.grid.to_patient([1, 0, 0]))


def test_slices_without_metal_are_refused_with_those_that_have_it(volume: Volume) -> None:
    low = Implant("pin", (Part(ball((40.0, 10.0, -5.0), 2.0), "ti"),))
    with pytest.raises(BadInput, match=r"There is no metal in 2 slices \(1 and 2\). The implant is in slice 3;"):
        insert(volume, (low,), protocol("adn-256"), slices=range(1, 3))
