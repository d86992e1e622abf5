"""Named scan protocols from the literature, for comparable results."""

import math
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat
from marview.physics.spectrum import Spectrum, spectrum

USUAL_PROTOCOL = "dudonet-640"
"""Default protocol of the command line, in which the body has its true size."""

_SAME = 1e-3
"""Relative difference of lengths and angles up to which they count as equal, because files round them."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Named scan geometry and reconstruction grid.

    Attributes:
        name: name of the protocol.
        beam: geometry of the rays.
        shape: rows and columns of the image.
        pixel_mm: edge of a pixel in mm.
        tube_kv: tube voltage in kV.
        photons: number of photons per ray in air.
        scatter_photons: number of scattered photons per bin.
        source: publication from which the numbers are taken.
    """

    name: str
    beam: Beam
    shape: tuple[int, int]
    pixel_mm: float
    tube_kv: int = 120
    photons: float = 2e7
    scatter_photons: float = 20.0
    source: str

    @property
    def spectrum(self) -> Spectrum:
        """Return the spectrum of the tube."""
        return spectrum(self.tube_kv)

    def is_scan_of(self, beam: Beam, pixel_mm: float) -> bool:
        """Return whether a beam and a pixel size match the protocol within rounding errors."""
        numbers = [float(value) for value in (pixel_mm, *astuple(beam))]
        own = [float(value) for value in (self.pixel_mm, *astuple(self.beam))]
        return type(beam) is type(self.beam) and bool(np.allclose(numbers, own, rtol=_SAME, atol=1e-6))


def protocol(name: str) -> Protocol:
    """Return the protocol with this name.

    Args:
        name: syndeeplesion-640, dudonet-320, dudonet-640, adn-256, cnnmar-984 or aapm-1000.

    Returns:
        The protocol, with the beam, image grid and spectrum of a scan.

    Raises:
        UsageError: the name is unknown.

    Examples:
        >>> protocol("dudonet-640").beam.views
        640
    """
    known = _library()
    if name not in known:
        raise UsageError(f"There is no protocol {name!r}. Choose one of {', '.join(known)}.")
    return known[name]


def protocol_names() -> tuple[str, ...]:
    """Return the names of all protocols."""
    return tuple(_library())


def protocol_of(beam: Beam, pixel_mm: float) -> Protocol | None:
    """Return the named protocol with this beam and pixel size; None if no protocol matches.

    Examples:
        >>> known = protocol("adn-256")
        >>> protocol_of(known.beam, known.pixel_mm) is known
        True
    """
    return next((known for known in _library().values() if known.is_scan_of(beam, pixel_mm)), None)


@cache
def _library() -> dict[str, Protocol]:
    """Make the protocols from the numbers in their publications.

    Pixels of 0.0369 cm shrink the body to two fifths, as in the papers. Beam hardening and photon starvation are
    therefore far weaker than with the 0.0985 cm in DuDoNet's published scripts.
    """
    shrunk_mm = 512 / 416 * 0.3
    full_mm = 512 / 416 * 0.8
    adn_mm = 512 / 256 * 0.3
    field_mm = 416 * shrunk_mm
    rows = (
        Protocol(
            name="syndeeplesion-640",
            beam=FanBeamFlat(
                views=640,
                bins=641,
                first_angle_rad=math.pi / 640,  # ODL places each view in the middle of its angular step
                source_to_isocentre_mm=1075 * shrunk_mm,
                source_to_detector_mm=2 * 1075 * shrunk_mm,
                bin_mm=2 * math.hypot(field_mm, field_mm) / 641,
            ),
            shape=(416, 416),
            pixel_mm=shrunk_mm,
            source="Yu 2021, Deep Sinogram Completion with Image Prior; Wang 2021, InDuDoNet",
        ),
        Protocol(
            name="dudonet-320",
            beam=_arc(views=320, bins=321, distance_mm=1075 * shrunk_mm, bin_rad=math.radians(0.1)),
            shape=(416, 416),
            pixel_mm=shrunk_mm,
            source="Lin 2019, DuDoNet, as in the paper",
        ),
        Protocol(
            name="dudonet-640",
            beam=_arc(views=640, bins=641, distance_mm=1075 * full_mm, bin_rad=math.radians(0.05)),
            shape=(416, 416),
            pixel_mm=full_mm,
            source="Lin 2019, DuDoNet, as in the published scripts: full scale",
        ),
        Protocol(
            name="adn-256",
            beam=_arc(views=320, bins=197, distance_mm=1075 * adn_mm, bin_rad=math.radians(0.1)),
            shape=(256, 256),
            pixel_mm=adn_mm,
            source="Liao 2019, ADN",
        ),
        Protocol(
            name="cnnmar-984",
            beam=_arc(views=984, bins=920, distance_mm=595.0, bin_rad=0.001),
            shape=(512, 512),
            pixel_mm=0.8,
            source="Zhang and Yu 2018, CNN-MAR",
        ),
        Protocol(
            name="aapm-1000",
            beam=_arc(views=1000, bins=900, distance_mm=550.0, bin_rad=1 / 950, bin_offset=-1.25),
            shape=(512, 512),
            pixel_mm=0.78125,
            photons=2e6,
            source="Haneda 2025, AAPM CT-MAR challenge; its bowtie and electronic noise are left out",
        ),
    )
    return {row.name: row for row in rows}


def _arc(*, views: int, bins: int, distance_mm: float, bin_rad: float, bin_offset: float = 0.0) -> FanBeamArc:
    return FanBeamArc(
        views=views, bins=bins, source_to_isocentre_mm=distance_mm, bin_rad=bin_rad, bin_offset=bin_offset
    )
