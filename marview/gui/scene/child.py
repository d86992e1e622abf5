"""Separate process that draws the 3D scene, so that the window stays open if VTK crashes."""

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from pydantic import ValidationError

from marview.errors import MarviewError
from marview.gui.scene.messages import REQUESTS, Contents, Draw, Drawn, Ready, Refused
from marview.gui.scene.voxels import Voxels, box_of, box_of_dense, cut_out
from marview.heap import bound_heap, give_back
from marview.mar.shared import SharedArray
from marview.text import translatable

if TYPE_CHECKING:
    from marview.gui.scene.drawing import Scene

MISSING = translatable("The 3D view needs VTK, which is not installed. Install it with: pip install vtk.")


def main(_arguments: Sequence[str] | None = None) -> None:
    """Answer drawing requests until the window closes the connection."""
    bound_heap()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keep output of libraries out of the answers
    requests = sys.stdin.buffer
    try:
        from marview.gui.scene.drawing import Scene
    except ImportError as error:
        is_missing = (error.name or "").startswith("vtkmodules")
        words = MISSING if is_missing else f"VTK cannot be loaded: {error}. The 3D view is not available."
        _send(answers, Refused(sentence=words))
        return
    scene = Scene()
    scene.show([Voxels(np.full((4, 4, 4), 1000, np.int16), np.eye(4)[[2, 1, 0, 3]])], None)
    scene.draw(Draw(number=0, width=16, height=16, azimuth_deg=0, elevation_deg=0, zoom=1, pan_mm=(0, 0)))
    _send(answers, Ready(backend=scene.backend))
    with contextlib.suppress(BrokenPipeError):  # the window has closed
        for line in requests:
            serve(scene, line, answers)


def serve(scene: "Scene", line: bytes, answers: BinaryIO) -> None:
    """Answer one request."""
    try:
        request = REQUESTS.validate_json(line)
        if isinstance(request, Contents):
            volumes, metal = read_contents(request)
            scene.show(volumes, metal)
            give_back()
            return
        began = time.perf_counter()
        picture = scene.draw(request)
        spent = (time.perf_counter() - began) * 1000
    except (MarviewError, ValidationError, MemoryError) as error:
        words = (
            translatable("There is not enough memory for the 3D scene.")
            if isinstance(error, MemoryError)
            else str(error)
        )
        _send(answers, Refused(sentence=words))
        return
    height, width, _ = picture.rgb.shape
    drawn = Drawn(
        number=request.number,
        width=width,
        height=height,
        milliseconds=spent,
        pixel_mm=picture.pixel_mm,
        has_corrected=scene.has_corrected,
        is_stacked=picture.is_stacked,
    )
    answers.write(drawn.line() + picture.rgb.tobytes())
    answers.flush()


def read_contents(wanted: Contents) -> tuple[list[Voxels], Voxels | None]:
    """Return the original volume, the corrected volume if there is one, and the metal; all are cropped.

    Raises:
        MarviewError: a shared array no longer exists.
    """
    affine = np.array(wanted.affine, np.float64).reshape(4, 4)
    hu = SharedArray.open(wanted.hu).array
    box = box_of_dense(hu)
    volumes = [cut_out(hu, affine, box)]
    if wanted.corrected is not None:
        planes = SharedArray.open(wanted.corrected).array
        second = cut_out(hu, affine, box)
        for row, z in enumerate(wanted.slices):
            if box[0].start <= z < box[0].stop:
                second.values[z - box[0].start] = planes[row][box[1], box[2]]
        volumes.append(second)
    metal = None
    if wanted.mask is not None:
        mask = SharedArray.open(wanted.mask).array
        around = box_of(mask)
        metal = None if around is None else cut_out(mask, affine, around)
    return volumes, metal


def _send(answers: BinaryIO, message: Ready | Refused) -> None:
    answers.write(message.line())
    answers.flush()
