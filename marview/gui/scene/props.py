"""Contents of the 3D scene: tissue volumes with colours and opacity by HU, and the metal surface."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction, vtkPlane
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkColorTransferFunction,
    vtkPolyDataMapper,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

from marview.gui.scene.messages import Look, Quality
from marview.gui.scene.voxels import Voxels, coarsened

MOST_STILL, MOST_MOVING = 16_000_000, 1_500_000
"""Largest number of voxels drawn."""

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

    def prepare(self, quality: Quality, sparseness: float, plane: vtkPlane | None) -> None:
        """Show one resolution with a ray spacing of `sparseness` pixels, cut by a plane."""
        for name, (prop, mapper, _) in self._parts.items():
            prop.SetVisibility(name == quality)
            if name == quality:
                mapper.SetImageSampleDistance(sparseness)
                cut(mapper, plane)


def volume_property() -> vtkVolumeProperty:
    """Return a volume property with tissue colours and shading; `set_opacity` sets the opacity."""
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
class Surface:
    """Triangulated surface, and the matrix from its axes in mm to LPS coordinates."""

    edges: Any
    matrix: vtkMatrix4x4


def metal_surface(metal: Voxels) -> Surface:
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
    return Surface(normals.GetOutput(), _matrix(padded))


def metal_actor(surface: Surface) -> vtkActor:
    """Return a new actor that shows the surface in the metal colour."""
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


def set_opacity(colours: vtkVolumeProperty, look: Look) -> None:
    """Set the opacity of tissue."""
    opacity = vtkPiecewiseFunction()
    for hu, value in OPACITY[look]:
        opacity.AddPoint(hu, value)
    colours.SetScalarOpacity(opacity)


def cut(mapper: Any, plane: vtkPlane | None) -> None:
    """Set the cutting plane of a mapper; None removes it."""
    mapper.RemoveAllClippingPlanes()
    if plane is not None:
        mapper.AddClippingPlane(plane)
