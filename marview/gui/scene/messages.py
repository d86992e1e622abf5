"""Messages between the window and the process that draws the 3D scene: one JSON object per line.

Each `Drawn` message is followed by its image as raw RGB bytes, with rows from bottom to top.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Quality = Literal["moving", "still"]
Cut = Literal["none", "axial", "coronal", "sagittal"]
Look = Literal["bone", "translucent", "metal"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def line(self) -> bytes:
        """Return the message as a line of JSON."""
        return self.model_dump_json().encode() + b"\n"


class Contents(_Message):
    """The contents of the scene.

    Attributes:
        hu: description of a shared int16 array, HU `[z, y, x]`.
        affine: matrix from index (z, y, x, 1) to LPS in mm; 16 numbers, row by row.
        corrected: description of a shared int16 array, HU `[slice, y, x]` of the corrected slices; None without
            a result.
        slices: index z of each slice in `corrected`.
        mask: description of a shared bool array `[z, y, x]`, the metal mask; None if empty.
    """

    kind: Literal["contents"] = "contents"
    hu: Mapping[str, Any]
    affine: tuple[float, ...]
    corrected: Mapping[str, Any] | None = None
    slices: tuple[int, ...] = ()
    mask: Mapping[str, Any] | None = None


class Draw(_Message):
    """A request to draw the scene.

    Attributes:
        number: number of the request, returned with the image.
        width: width of the image in pixels.
        height: height of the image in pixels.
        azimuth_deg: camera azimuth; `elevation_deg`, `zoom` and `pan_mm` also describe the camera.
        cut: orientation of the cutting plane; the part nearer to the viewer is removed.
        cut_at: point on the cutting plane, LPS in mm.
        look: transfer function of the volume.
        has_mask: whether the metal mask is drawn as a surface.
        quality: image quality; "moving" is coarser and faster.
    """

    kind: Literal["draw"] = "draw"
    number: int
    width: int = Field(ge=8, le=4096)
    height: int = Field(ge=8, le=4096)
    azimuth_deg: float
    elevation_deg: float
    zoom: float
    pan_mm: tuple[float, float]
    cut: Cut = "none"
    cut_at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    look: Look = "bone"
    has_mask: bool = True
    quality: Quality = "still"


class Ready(_Message):
    """Message that the process is ready to draw; `backend` is the type of OpenGL context."""

    kind: Literal["ready"] = "ready"
    backend: str


class Drawn(_Message):
    """The header of an image; the bytes of the image follow.

    Attributes:
        number: number of the request.
        width: width of the image in pixels.
        height: height of the image in pixels.
        milliseconds: drawing time.
        pixel_mm: pixel size in the scene.
        has_corrected: whether the second half shows a corrected volume.
        is_stacked: whether the second half is below the first instead of to its right.
    """

    kind: Literal["drawn"] = "drawn"
    number: int
    width: int
    height: int
    milliseconds: float
    pixel_mm: float
    has_corrected: bool
    is_stacked: bool


class Refused(_Message):
    """Message that a request was refused, with the reason."""

    kind: Literal["refused"] = "refused"
    sentence: str


Request = Annotated[Contents | Draw, Field(discriminator="kind")]
Answer = Annotated[Ready | Drawn | Refused, Field(discriminator="kind")]
REQUESTS: TypeAdapter[Contents | Draw] = TypeAdapter(Request)
ANSWERS: TypeAdapter[Ready | Drawn | Refused] = TypeAdapter(Answer)
