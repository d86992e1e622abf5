"""Save and read clinical scenes, because simulating a scene during training would take seconds."""

import os
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import processing_beam
from marview.projection import Projector

from .clinical import ClinicalPairs

_VALUES = ("truth_mu", "clinical_mu", "sinogram", "metal_free_sinogram", "base", "metal_part")
_MASKS = ("metal", "trace")


def scene_file(folder: Path, kind: str, number: int) -> Path:
    """Return the file of a scene; `kind` is training or validation."""
    return folder / f"{kind}_{number:05d}.safetensors"


def scene_files(folder: Path, kind: str) -> list[Path]:
    """List the files of scenes in a folder, sorted by number; arguments are the same as for `scene_file`."""
    return sorted(folder.glob(f"{kind}_*.safetensors"))


def save_scene(path: Path, pairs: ClinicalPairs) -> None:
    """Write a scene with 16-bit arrays and packed masks. The file appears only when it is complete."""
    tensors: dict[str, Tensor] = {name: getattr(pairs, name).half().cpu().contiguous() for name in _VALUES}
    for name in _MASKS:
        tensors[name] = torch.from_numpy(np.packbits(getattr(pairs, name).cpu().numpy(), axis=-1))
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file(tensors, part, {"pixel_mm": repr(pairs.projector.pixel_mm)})
    part.replace(path)


def read_scene(path: Path, device: torch.device) -> ClinicalPairs:
    """Read a scene as one batch."""
    with safe_open(path, "pt") as file:
        found = {name: file.get_tensor(name) for name in (*_VALUES, *_MASKS)}
        pixel_mm = float(file.metadata()["pixel_mm"])
    projector = Projector(processing_beam(pixel_mm), shape=(SIZE, SIZE), pixel_mm=pixel_mm)
    for name in _VALUES:
        found[name] = found[name].float().to(device)
    for name, width in zip(_MASKS, (SIZE, projector.beam.bins), strict=True):
        bits = np.unpackbits(found[name].numpy(), axis=-1)[..., :width]
        found[name] = torch.from_numpy(bits.astype(bool)).to(device)
    return ClinicalPairs(projector=projector, **found)
