"""Save and read simulated scenes, because simulating a scene takes longer than training on it."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from marview.errors import BadInput

from .batches import GsiBatch
from .surrogate import Scanned

_VOLUMES = ("ordinary_hu", "clean_hu")
_IMAGES = (*_VOLUMES, "gsi_hu")


def scene_file(folder: Path, kind: str, number: int) -> Path:
    """Return the path of a scene's file; `kind` is "training" or "validation"."""
    return folder / f"{kind}_{number:05d}.safetensors"


def scene_files(folder: Path, kind: str) -> tuple[Path, ...]:
    """List the scene files in a folder, sorted by number; `kind` is "training" or "validation"."""
    return tuple(sorted(folder.glob(f"{kind}_*.safetensors")))


def save_scene(path: Path, scanned: Scanned) -> None:
    """Save a scene with 16-bit HU values and a packed mask.

    The file appears only when it is complete.
    """
    tensors: dict[str, Tensor] = {
        name: getattr(scanned, name).round().clamp(-32768, 32767).to(torch.int16).cpu().contiguous() for name in _IMAGES
    }
    tensors["mask"] = torch.from_numpy(np.packbits(scanned.mask.cpu().numpy(), axis=-1))
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file(tensors, part, {"kind": str(scanned.kind)})
    part.replace(path)


def read_scene(path: Path, slices: int) -> Scanned:
    """Read a scene from its file.

    Args:
        path: file of the scene.
        slices: odd number of slices to return: the middle slice and its neighbours.

    Raises:
        BadInput: the file contains fewer slices.
    """
    with safe_open(path, "pt") as file:
        found = {name: file.get_tensor(name).float() for name in _IMAGES}
        for name in _VOLUMES:
            more = len(found[name]) - slices
            if more < 0:
                raise BadInput(
                    f"{path} contains {len(found[name])} neighbouring slices, but the recipe needs {slices}. "
                    "Make new scenes for this recipe."
                )
            found[name] = found[name][more // 2 :][:slices]
        bits = np.unpackbits(file.get_tensor("mask").numpy(), axis=-1)[..., : found["gsi_hu"].shape[-1]]
        return Scanned(**found, mask=torch.from_numpy(bits.astype(bool)), kind=int(file.metadata()["kind"]))


def batch_of(scanned: Sequence[Scanned], device: torch.device) -> GsiBatch:
    """Combine scenes of the same size into a batch on a device."""
    ordinary, clean, gsi, mask = (
        torch.stack([getattr(each, name) for each in scanned]).to(device) for name in (*_IMAGES, "mask")
    )
    return GsiBatch.of(ordinary, clean, gsi, mask, torch.tensor([each.kind for each in scanned], device=device))
