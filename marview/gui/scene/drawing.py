"""The 3D scene in VTK: bone and metal as a volume, the metal mask as a surface, one camera.

VTK's CPU ray caster draws the volume. With software OpenGL it is an order of magnitude faster than the GPU ray caster,
and it is fast enough for a few million voxels on any machine.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401 - registers volume rendering
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction, vtkPlane
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkColorTransferFunction,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

from marview.gui.scene.camera import Camera
from marview.gui.scene.messages import Draw, Look, Quality
from marview.gui.scene.voxels import Voxels, coarsened, without_metal

MOST_STILL, MOST_MOVING = 16_000_000, 1_500_000
"""Largest number of voxels drawn."""

TARGET_S: dict[Quality, float] = {"moving": 0.07, "still": 0.3}
"""Time limit per picture in seconds; the ray spacing grows when a picture takes longer."""

SPARSEST: dict[Quality, float] = {"moving": 5.0, "still": 3.0}
BACKGROUND = (0.02, 0.025, 0.03)
METAL = (0.94, 0.65, 0.23)
OPACITY: dict[Look, tuple[tuple[float, float], ...]] = {
    "bone": ((-1024, 0), (190, 0), (350, 0.2), (800, 0.5), (1800, 0.8), (3071, 0.9)),
    "translucent": ((-1024, 0), (190, 0), (350, 0.02), (1300, 0.08), (2300, 0.12), (3071, 0.2)),
    "metal": ((-1024, 0), (1900, 0), (2600, 0.55), (3071, 0.9)),
}
"""HU and opacity per millimetre."""

COLOURS = (
    (-1024, (0.45, 0.28, 0.2)),
    (190, (0.74, 0.5, 0.38)),
    (420, (0.92, 0.82, 0.66)),
    (1300, (0.97, 0.93, 0.84)),
    (2300, (0.83, 0.88, 0.94)),
    (3071, (0.62, 0.74, 0.88)),
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn picture.

    Attributes:
        rgb: `[y, x, 3]`, rows from the bottom.
        pixel_mm: edge of a pixel in the scene.
        is_stacked: whether the corrected volume lies below the original instead of to its right.
    """

    rgb: NDArray[np.uint8]
    pixel_mm: float
    is_stacked: bool


class Volume:
    """One volume at two resolutions."""

    def __init__(self, voxels: Voxels, colours: vtkVolumeProperty) -> None:
        self._parts: dict[Quality, tuple[vtkVolume, Any, Any]] = {}
        finenesses: tuple[tuple[Quality, int], ...] = (("still", MOST_STILL), ("moving", MOST_MOVING))
        for quality, most in finenesses:
            block = coarsened(voxels, most)
            image = _image(block)
            mapper = vtkFixedPointVolumeRayCastMapper()
            mapper.SetInputData(image)
            mapper.SetAutoAdjustSampleDistances(0)
            mapper.SetSampleDistance(float(block.spacing_mm.min()) * (1.0 if quality == "still" else 1.5))
            prop = vtkVolume()
            prop.SetMapper(mapper)
            prop.SetProperty(colours)
            prop.SetUserMatrix(_matrix(block))
            self._parts[quality] = (prop, mapper, image)

    @property
    def props(self) -> list[vtkVolume]:
        """Return the VTK props of both resolutions."""
        return [prop for prop, _, _ in self._parts.values()]

    def hide(self) -> None:
        """Hide both resolutions."""
        for prop, _, _ in self._parts.values():
            prop.SetVisibility(False)

    def prepare(self, quality: Quality, sparseness: float, cut: vtkPlane | None) -> None:
        """Show one resolution with a ray spacing of `sparseness` pixels, cut by a plane."""
        for name, (prop, mapper, _) in self._parts.items():
            prop.SetVisibility(name == quality)
            if name == quality:
                mapper.SetImageSampleDistance(sparseness)
                _cut(mapper, cut)


class Scene:
    """Draws the original volume, the corrected one beside it if there is one, and the metal in both.

    Attributes:
        sparseness: ray spacing of the next picture in pixels.
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
        self._colours = _property()
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
        """Return the kind of OpenGL context in use."""
        return str(self._window.GetClassName())

    @property
    def has_corrected(self) -> bool:
        """Return whether there is a corrected volume beside the original."""
        return len(self._plain) > 1

    def show(self, volumes: list[Voxels], metal: Voxels | None) -> None:
        """Set the contents: one or two volumes, and the metal as a block of 0 and 1."""
        for renderer in self._renderers:
            renderer.RemoveAllViewProps()
        self._plain, self._metal_block, self._volumes = volumes, metal, {}
        surface = None if metal is None else _surface(metal)
        self._metal = [] if surface is None else [_actor(surface) for _ in volumes]
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
        cut = _plane(wanted, camera)
        sparseness = self.sparseness[wanted.quality]
        for volume in self._set(has_mask=wanted.has_mask):
            volume.prepare(wanted.quality, sparseness, cut)
        for actor in self._metal:
            actor.SetVisibility(wanted.has_mask)
            _cut(actor.GetMapper(), cut)
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
        opacity = vtkPiecewiseFunction()
        for hu, value in OPACITY[look]:
            opacity.AddPoint(hu, value)
        self._colours.SetScalarOpacity(opacity)
        self._look = look


def _property() -> vtkVolumeProperty:
    colours = vtkColorTransferFunction()
    for hu, (red, green, blue) in COLOURS:
        colours.AddRGBPoint(hu, red, green, blue)
    made = vtkVolumeProperty()
    made.SetColor(colours)
    made.SetInterpolationTypeToLinear()
    made.ShadeOn()
    made.SetAmbient(0.25)
    made.SetDiffuse(0.75)
    made.SetSpecular(0.15)
    made.SetSpecularPower(12)
    return made


def _image(block: Voxels) -> vtkImageData:
    """Return the block as a VTK image on its own axes (x, y, z); `_matrix` places it."""
    image = vtkImageData()
    planes, rows, columns = block.values.shape
    image.SetDimensions(columns, rows, planes)
    image.SetSpacing(*block.spacing_mm[::-1])
    scalars = numpy_to_vtk(np.ascontiguousarray(block.values).reshape(-1), deep=True)
    image.GetPointData().SetScalars(scalars)
    return image


def _matrix(block: Voxels) -> vtkMatrix4x4:
    """Return the matrix from the axes of `_image` in mm to LPS."""
    made = vtkMatrix4x4()
    directions = block.affine[:3, 2::-1] / block.spacing_mm[::-1]
    for row in range(3):
        for column in range(3):
            made.SetElement(row, column, float(directions[row, column]))
        made.SetElement(row, 3, float(block.affine[row, 3]))
    return made


@dataclass(frozen=True, eq=False)
class _Surface:
    edges: Any
    matrix: vtkMatrix4x4


def _surface(metal: Voxels) -> _Surface:
    """Return the surface of a mask, smoothed by less than a voxel."""
    padded = Voxels(np.pad(metal.values.astype(np.uint8), 1), metal.affine.copy())
    padded.affine[:3, 3] -= padded.affine[:3, :3].sum(axis=1)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(_image(padded))
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(20)
    smooth.SetPassBand(0.05)
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    normals = vtkPolyDataNormals()  # without normals, each facet would be shaded flat
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    return _Surface(normals.GetOutput(), _matrix(padded))


def _actor(surface: _Surface) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(surface.edges)
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.SetUserMatrix(surface.matrix)
    look = actor.GetProperty()
    look.SetColor(*METAL)
    look.SetAmbient(0.2)
    look.SetDiffuse(0.8)
    look.SetSpecular(0.4)
    look.SetSpecularPower(30)
    return actor


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


def _cut(mapper: Any, plane: vtkPlane | None) -> None:
    mapper.RemoveAllClippingPlanes()
    if plane is not None:
        mapper.AddClippingPlane(plane)
