"""CT volumes, metal masks and measurements.

Modules that need SciPy are imported on first use, so that the window opens quickly: `segment` (adaptive,
threshold), `kmeans`, `growing`, `components`, `mask` (grow, fill, smooth), `on_grid`, `brush`,
`metal_mask` (editing, undo), `measure`, `reslice`.
"""

from typing import TYPE_CHECKING

from marview.volume.provenance import Provenance
from marview.volume.volume import Volume
from marview.volume.window import HuWindow

if TYPE_CHECKING:
    from marview.volume.segment import Segmentation, adaptive

__all__ = ["HuWindow", "Provenance", "Segmentation", "Volume", "adaptive"]


def __getattr__(name: str) -> object:
    if name in {"Segmentation", "adaptive"}:
        from marview.volume import segment

        return getattr(segment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
