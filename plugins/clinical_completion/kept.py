"""Save and read scenes, because simulating a scene takes far longer than training on it."""

import os
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from marview.errors import BadInput

from .clinical import Scanned

_PLANES, _TRUTH = "planes", "truth"


def scene_file(folder: Path, kind: str, number: int) -> Path:
    """Return the path of a scene file; `kind` is "training" or "validation"."""
    return folder / f"{kind}_{number:05d}.safetensors"


def scene_files(folder: Path, kind: str) -> tuple[Path, ...]:
    """List the scene files in a folder, sorted by number; `kind` is "training" or "validation"."""
    return tuple(sorted(folder.glob(f"{kind}_*.safetensors")))


def save_scene(path: Path, scanned: Scanned) -> None:
    """Save a scene as 16-bit arrays; the file appears only when it is complete."""
    tensors = {_PLANES: scanned.planes, _TRUTH: scanned.truth}
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file({name: each.half().cpu().contiguous() for name, each in tensors.items()}, part)
    part.replace(path)


def slices_of(path: Path) -> int:
    """Return the number of slices in a scene.

    Raises:
        BadInput: another version of the method wrote the file.
    """
    with safe_open(path, "pt") as file:
        if not {_PLANES, _TRUTH} <= set(file.keys()):
            raise BadInput(
                f"{path} was written by another version of the method. Delete it, and create the scenes again with "
                "python -m benchmarks.clinical_scenes."
            )
        return int(file.get_slice(_TRUTH).get_shape()[0])


def read_slice(path: Path, number: int) -> tuple[Tensor, Tensor]:
    """Read a slice of a scene: its planes `[plane, y, x]` and its truth `[y, x]`, float32."""
    with safe_open(path, "pt") as file:
        planes, truth = (file.get_slice(name)[number].float() for name in (_PLANES, _TRUTH))
    return planes, truth
