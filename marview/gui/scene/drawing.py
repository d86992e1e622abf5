"""The 3D scene in VTK: bone and metal as a volume, the metal mask as a surface, and a shared camera.

VTK's CPU ray caster draws the volume. With software OpenGL it is an order of magnitude faster than the
GPU ray caster, and it is fast enough for a few million voxels on any machine.
"""

import time
from dataclasses import dataclass

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401 - registers volume rendering
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkRenderer,
    vtkRenderWindow,
)

from marview.gui.scene.camera import Camera
from marview.gui.scene.messages import Draw, Look, Quality
from marview.gui.scene.props import Volume, cut, metal_actor, metal_surface, set_opacity, volume_property
from marview.gui.scene.voxels import Voxels, without_metal

TARGET_S: dict[Quality, float] = {"moving": 0.07, "still": 0.3}
"""Time limit per picture in seconds; the ray spacing grows when a picture takes longer."""

SPARSEST: dict[Quality, float] = {"moving": 5.0, "still": 3.0}
BACKGROUND = (0.02, 0.025, 0.03)


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered image of the scene.

    Attributes:
        rgb: `[y, x, 3]`, rows from bottom to top.
        pixel_mm: pixel size in the scene.
        is_stacked: whether the corrected volume is below the original instead of to its right.
    """

    rgb: NDArray[np.uint8]
    pixel_mm: float
    is_stacked: bool


class Scene:
    """3D scene with the original volume and any corrected volume, each shown with the metal.

    Attributes:
        sparseness: ray spacing in pixels for each image quality, used for the next image.
    """

    def __init__(self) -> None:
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._renderers = (vtkRenderer(), vtkRenderer())
        for renderer in self._renderers:
            renderer.SetBackground(*BACKGROUND)
            renderer.GetActiveCamera().ParallelProjectionOn()
        self._renderers[1].SetActiveCamera(self._renderers[0].GetActiveCamera())
        self._window.AddRenderer(self._renderers[0])
        self._colours = volume_property()
        self._look: Look = "bone"
        self._plain: list[Voxels] = []
        self._metal_block: Voxels | None = None
        self._volumes: dict[bool, list[Volume]] = {}
        self._metal: list[vtkActor] = []
        self._middle, self._reach = np.zeros(3), np.ones(3)
        self.sparseness: dict[Quality, float] = {"moving": 3.0, "still": 1.5}
        self._colour(self._look)

    @property
    def backend(self) -> str:
        """Return the type of OpenGL context in use."""
        return str(self._window.GetClassName())

    @property
    def has_corrected(self) -> bool:
        """Return whether there is a corrected volume next to the original."""
        return len(self._plain) > 1

    def show(self, volumes: list[Voxels], metal: Voxels | None) -> None:
        """Set the contents: one or two volumes, and the metal as a binary block of voxels."""
        for renderer in self._renderers:
            renderer.RemoveAllViewProps()
        self._plain, self._metal_block, self._volumes = volumes, metal, {}
        surface = None if metal is None else metal_surface(metal)
        self._metal = [] if surface is None else [metal_actor(surface) for _ in volumes]
        for renderer, actor in zip(self._renderers, self._metal, strict=False):
            renderer.AddActor(actor)
        self._window.RemoveRenderer(self._renderers[1])
        if self.has_corrected:
            self._window.AddRenderer(self._renderers[1])
        corners = volumes[0].corners()
        low, high = corners.min(axis=0), corners.max(axis=0)
        self._middle, self._reach = (low + high) / 2, np.maximum(high - low, 1.0)

    def _set(self, *, has_mask: bool) -> list[Volume]:
        """Return the volumes, whole or without the metal that is drawn as a surface."""
        is_without = has_mask and self._metal_block is not None
        if is_without not in self._volumes:
            metal = self._metal_block if is_without else None
            made = [Volume(without_metal(one, metal), self._colours) for one in self._plain]
            for renderer, volume in zip(self._renderers, made, strict=False):
                for prop in volume.props:
                    renderer.AddVolume(prop)
            self._volumes[is_without] = made
        for others in self._volumes.values():
            for volume in others:
                volume.hide()
        return self._volumes[is_without]

    def _is_stacked(self, width: int, height: int) -> bool:
        """Return whether original and corrected are larger one above the other than side by side."""
        wide, high = max(self._reach[0], self._reach[1]), self._reach[2]
        beside = min(width / 2 / wide, height / high)
        return bool(min(width / wide, height / 2 / high) > beside)

    def _place(self, width: int, height: int) -> tuple[float, float]:
        """Assign each volume its part of the picture and return the size of a part."""
        if not self.has_corrected:
            self._renderers[0].SetViewport(0.0, 0.0, 1.0, 1.0)
            return width, height
        if self._is_stacked(width, height):
            self._renderers[0].SetViewport(0.0, 0.5, 1.0, 1.0)
            self._renderers[1].SetViewport(0.0, 0.0, 1.0, 0.5)
            return width, height / 2
        self._renderers[0].SetViewport(0.0, 0.0, 0.5, 1.0)
        self._renderers[1].SetViewport(0.5, 0.0, 1.0, 1.0)
        return width / 2, height

    def draw(self, wanted: Draw) -> Picture:
        """Draw the scene."""
        if wanted.look != self._look:
            self._colour(wanted.look)
        self._window.SetSize(wanted.width, wanted.height)
        camera = Camera(wanted.azimuth_deg, wanted.elevation_deg, wanted.zoom, wanted.pan_mm)
        pixel_mm = self._aim(camera, *self._place(wanted.width, wanted.height))
        plane = _plane(wanted, camera)
        sparseness = self.sparseness[wanted.quality]
        for volume in self._set(has_mask=wanted.has_mask):
            volume.prepare(wanted.quality, sparseness, plane)
        for actor in self._metal:
            actor.SetVisibility(wanted.has_mask)
            cut(actor.GetMapper(), plane)
        began = time.perf_counter()
        self._window.Render()
        self._adapt(wanted.quality, time.perf_counter() - began)
        pixels = vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, wanted.width - 1, wanted.height - 1, 0, pixels, 0)
        rgb = vtk_to_numpy(pixels).reshape(wanted.height, wanted.width, 3)
        is_stacked = self.has_corrected and self._is_stacked(wanted.width, wanted.height)
        return Picture(np.ascontiguousarray(rgb), pixel_mm, is_stacked=is_stacked)

    def _adapt(self, quality: Quality, seconds: float) -> None:
        """Adapt the ray spacing so that the next picture keeps to the time limit."""
        factor = (seconds / TARGET_S[quality]) ** 0.5
        wanted = self.sparseness[quality] * min(1.5, max(0.75, factor))
        self.sparseness[quality] = min(SPARSEST[quality], max(1.0, wanted))

    def _aim(self, camera: Camera, width: float, height: float) -> float:
        """Set the camera and return the edge of a pixel in mm."""
        half_width = float(np.abs(self._reach) @ np.abs(camera.right)) / 2
        half_height = float(np.abs(self._reach) @ np.abs(camera.up)) / 2
        scale = 1.06 * max(half_height, half_width * height / width) / camera.zoom
        focus = self._middle + camera.pan_mm[0] * camera.right + camera.pan_mm[1] * camera.up
        away = float(np.linalg.norm(self._reach)) * 2
        seen = self._renderers[0].GetActiveCamera()
        seen.SetFocalPoint(*focus)
        seen.SetPosition(*(focus - away * camera.forward))
        seen.SetViewUp(*camera.up)
        seen.SetParallelScale(scale)
        seen.SetClippingRange(1.0, 3 * away)
        return 2 * scale / height

    def _colour(self, look: Look) -> None:
        set_opacity(self._colours, look)
        self._look = look


def _plane(wanted: Draw, camera: Camera) -> vtkPlane | None:
    """Return the cutting plane; it removes the side nearer to the viewer."""
    if wanted.cut == "none":
        return None
    normal = np.zeros(3)
    normal[{"sagittal": 0, "coronal": 1, "axial": 2}[wanted.cut]] = 1.0
    if normal @ camera.forward < 0:
        normal = -normal
    plane = vtkPlane()
    plane.SetOrigin(*wanted.cut_at)
    plane.SetNormal(*normal)
    return plane
