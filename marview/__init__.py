"""View CT volumes, segment metal and run metal artifact reduction (MAR) methods. For research only.

The names in `__all__` are the Python API; each name is imported on first use.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marview.api import Metal, Reduction, find_metal, list_methods, read, reduce, write_dicom, write_nifti
    from marview.dicom import LoadedSeries
    from marview.errors import BadInput, MarviewError, MethodFailed, NoMetal, UsageError
    from marview.geometry import Grid
    from marview.metrics import CaseMeasures, Measures
    from marview.metrics import measure_case as evaluate
    from marview.physics import Simulation, protocol, simulate
    from marview.projection import Projector
    from marview.volume import Volume

__version__ = "0.2.0"

# A library prints no log messages unless its user configures logging. Without a handler, Python prints warnings.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_PLACES = {
    "BadInput": "marview.errors",
    "CaseMeasures": "marview.metrics",
    "Grid": "marview.geometry",
    "LoadedSeries": "marview.dicom",
    "MarviewError": "marview.errors",
    "Measures": "marview.metrics",
    "Metal": "marview.api",
    "MethodFailed": "marview.errors",
    "NoMetal": "marview.errors",
    "Projector": "marview.projection",
    "Reduction": "marview.api",
    "Simulation": "marview.physics",
    "UsageError": "marview.errors",
    "Volume": "marview.volume",
    "evaluate": "marview.metrics:measure_case",
    "find_metal": "marview.api",
    "list_methods": "marview.api",
    "protocol": "marview.physics",
    "read": "marview.api",
    "reduce": "marview.api",
    "simulate": "marview.physics",
    "write_dicom": "marview.api",
    "write_nifti": "marview.api",
}

__all__ = [
    "BadInput",
    "CaseMeasures",
    "Grid",
    "LoadedSeries",
    "MarviewError",
    "Measures",
    "Metal",
    "MethodFailed",
    "NoMetal",
    "Projector",
    "Reduction",
    "Simulation",
    "UsageError",
    "Volume",
    "evaluate",
    "find_metal",
    "list_methods",
    "protocol",
    "read",
    "reduce",
    "simulate",
    "write_dicom",
    "write_nifti",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        from marview.text import meant

        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{meant(name, __all__)}")
    module, _, other = _PLACES[name].partition(":")
    return getattr(import_module(module), other or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
