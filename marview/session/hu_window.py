"""The HU window: which HU are black, which white."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HuWindow:
    """Width and level in HU; black is level - width / 2, white level + width / 2."""

    width_hu: float
    level_hu: float

    @property
    def levels(self) -> tuple[float, float]:
        """HU that are black and white.

        >>> HuWindow(400, 40).levels
        (-160.0, 240.0)
        """
        return self.level_hu - self.width_hu / 2, self.level_hu + self.width_hu / 2
