"""Parameters of consistent completion; the advanced parameters switch off parts of the method."""

from typing import Literal

from pydantic import BaseModel, Field

from marview.methods.consistency import ITERATIONS


class Parameters(BaseModel):
    """Parameters of consistent completion."""

    material: Literal["auto", "ti", "ti6al4v", "316l", "cocrmo", "amalgam", "au"] = Field(
        "auto",
        title="Metal",
        description="Material of the metal; for each slice, auto chooses the material whose predicted sinogram is "
        "closest to the measured one.",
    )
    tube_kv: Literal["auto", "80", "100", "120", "140"] = Field(
        "auto",
        title="Tube voltage",
        description="Voltage of the X-ray tube; auto uses the voltage of the named protocol, or 120 kV.",
        json_schema_extra={"unit": "kV"},
    )
    filtration_mm: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Added filtration",
        description="Thickness of the copper filter in the beam, in addition to the 3 mm of aluminium that the "
        "spectrum already includes.",
        json_schema_extra={"unit": "mm", "step": 0.05, "advanced": True},
    )
    finds_filtration: bool = Field(
        default=True,
        title="Find the filtration",
        description="For each slice, estimate any additional copper in the beam from the rays through metal.",
        json_schema_extra={"advanced": True},
    )
    fits_mask: bool = Field(
        default=True,
        title="Fit the mask",
        description="In slices in which the rays through metal show that the mask is too wide or too narrow, use a "
        "mask that is fitted to these rays.",
        json_schema_extra={"advanced": True},
    )
    iterations: int = Field(
        ITERATIONS,
        ge=0,
        le=8,
        title="Loop iterations",
        description="Maximum number of iterations in slices that only the consistency loop corrects; the loop stops "
        "earlier if it reaches the noise of the scan. In all other slices, one iteration runs before the joint steps. "
        "0 turns the loop off.",
        json_schema_extra={"advanced": True},
    )
    rays_through: Literal["titanium", "any metal", "no metal"] = Field(
        "titanium",
        title="Use rays through",
        description="Rays through these metals are used to correct the tissue. Rays through dense metal need an exact "
        "model of the scanner; without such a model, interpolation across the trace gives smaller errors.",
    )
    steps: int = Field(
        3,
        ge=0,
        le=8,
        title="Joint steps",
        description="Number of steps that use the rays through metal.",
        json_schema_extra={"advanced": True},
    )
