"""The camera of the 3D scene, independent of VTK and Qt."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

TURN_PER_PX = 0.4
STEEPEST_DEG = 89.0
ZOOMS = (0.2, 20.0)


@dataclass(frozen=True)
class Camera:
    """Camera that keeps the patient's head up; with both angles 0, it looks at the patient from the front.

    Attributes:
        azimuth_deg: rotation around the head-feet axis; positive shows the patient's left side.
        elevation_deg: tilt of the camera; positive shows the patient from the head side.
        zoom: zoom factor; 1 fits the scene into the view.
        pan_mm: centre of the view, (right, up) from the centre of the scene.
    """

    azimuth_deg: float = 0.0
    elevation_deg: float = 0.0
    zoom: float = 1.0
    pan_mm: tuple[float, float] = (0.0, 0.0)

    def turned(self, right_px: float, down_px: float) -> "Camera":
        """Return the camera after a mouse drag that rotates the scene."""
        azimuth = (self.azimuth_deg - right_px * TURN_PER_PX + 180) % 360 - 180
        elevation = self.elevation_deg + down_px * TURN_PER_PX
        return replace(self, azimuth_deg=azimuth, elevation_deg=max(-STEEPEST_DEG, min(STEEPEST_DEG, elevation)))

    def zoomed(self, factor: float) -> "Camera":
        """Return the camera after zooming in (factor above 1) or out."""
        low, high = ZOOMS
        return replace(self, zoom=min(high, max(low, self.zoom * factor)))

    def panned(self, right_mm: float, up_mm: float) -> "Camera":
        """Return the camera after a drag that moves the scene by (right, up) mm."""
        return replace(self, pan_mm=(self.pan_mm[0] - right_mm, self.pan_mm[1] - up_mm))

    @property
    def forward(self) -> NDArray[np.float64]:
        """Return the viewing direction, a unit vector away from the viewer (LPS)."""
        azimuth, elevation = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        level = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
        return np.asarray(level * math.cos(elevation) - np.array([0.0, 0.0, math.sin(elevation)]))

    @property
    def right(self) -> NDArray[np.float64]:
        """Return the unit vector (LPS) that points right in the image."""
        azimuth = math.radians(self.azimuth_deg)
        return np.array([math.cos(azimuth), math.sin(azimuth), 0.0])

    @property
    def up(self) -> NDArray[np.float64]:
        """Return the unit vector (LPS) that points up in the image."""
        return np.asarray(np.cross(self.right, self.forward))
