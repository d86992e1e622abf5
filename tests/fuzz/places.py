"""All places where marview opens files of others: intact files, and how each is opened."""

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pydicom
import torch
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless
from safetensors.torch import save

from marview import dicom
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.mask_file import read_mask
from marview.dicom.open import open_series
from marview.evaluation.syndeeplesion import _read_h5
from marview.export import write_mask, write_nifti
from marview.geometry import Grid, ParallelBeam
from marview.learning.recipe import read_recipe
from marview.learning.weights import read_tensors
from marview.mar.manifest import read_manifest
from marview.methods.api import MarCase
from marview.session.autosave_store import AutosaveStore, Work
from marview.session.settings import Settings
from marview.slices.clean import list_clean
from marview.slices.shapes import read_shapes
from marview.slices.volumes import read_array
from marview.volume.patch import MaskPatch
from marview.worker.case_files import load_case, save_case

from . import mutate

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (3, 64, 48)


@dataclass(frozen=True)
class Place:
    """A place where files are opened.

    Attributes:
        seeds: intact files, damaged in turn.
        name: file name of the damaged file.
        open: opens the file, or refuses it with a message.
    """

    seeds: tuple[bytes, ...]
    name: str
    open: Callable[[Path], object]


def places(folder: Path) -> dict[str, Place]:
    """Return all places; `folder` receives the intact files."""
    hu = np.full(SHAPE, 40, np.int16)
    hu[:, 8:14, 8:14] = 3000
    grid = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.0))
    series = folder / "series"
    write_ct_series(hu, grid, series, Labels("FUZZ^ONE", "FUZZ", "A study", "A series"), seed="fuzz")
    files = sorted(series.iterdir())
    slices = _encodings(files[1]) + _shared_slices()
    loaded = open_series(series)
    masks = {
        kind: write_mask(folder / f"mask{kind}", hu > 1000, loaded) for kind in (".dcm", ".nii", ".nii.gz", ".nrrd")
    }
    volume = write_nifti(folder / "volume.nii.gz", hu, grid).read_bytes()
    plain = write_nifti(folder / "volume.nii", hu, grid).read_bytes()
    manifest = (ROOT / "plugins/nmar/plugin.toml").read_bytes()
    recipe = next((ROOT / "plugins").glob("*/recipes/*.toml")).read_bytes()

    def mask(path: Path) -> object:
        return read_mask(path, loaded)

    def beside(path: Path) -> object:
        for whole in files[:1] + files[2:]:
            shutil.copy(whole, path.parent)
        return _all_series(path.parent)

    return {
        "slice": Place(slices, "slice.dcm", beside),
        "one slice": Place(slices, "slice", _all_series),
        "zip": Place((_zipped(files, zipfile.ZIP_DEFLATED), _zipped(files, zipfile.ZIP_STORED)), "z.zip", _all_series),
        "dicomdir": Place((_directory(files),), "DICOMDIR", beside),
        "nifti": Place((plain,), "volume.nii", _all_series),
        "nifti.gz": Place((volume,), "volume.nii.gz", beside),
        "mask seg": Place((masks[".dcm"].read_bytes(),), "mask.dcm", mask),
        "mask nifti": Place((masks[".nii"].read_bytes(),), "mask.nii", mask),
        "mask nifti.gz": Place((masks[".nii.gz"].read_bytes(),), "mask.nii.gz", mask),
        "mask nrrd": Place((masks[".nrrd"].read_bytes(),), "mask.nrrd", mask),
        "npz": Place((_npz(hu=hu), _npz(hu=hu, packed=True)), "hu.npz", lambda path: read_array(path, "hu")),
        "npy": Place((_npy(hu),), "hu.npy", lambda path: read_array(path, "hu")),
        "shapes": Place((_npz(mask=np.packbits(hu > 1000, axis=-1), shape=np.array(SHAPE)),), "m.npz", read_shapes),
        "tiff": Place((_tiff(hu),), "stack.tif", lambda path: [one.read() for one in list_clean(path)]),
        "safetensors": Place((_tensors(),), "weights.safetensors", read_tensors),
        "plugin.toml": Place((manifest,), "plugin.toml", lambda path: read_manifest(path.parent)),
        "recipe": Place((recipe,), "recipes/bundled.toml", lambda path: read_recipe(path.parent.parent, "bundled")),
        "autosave": Place((_autosave(folder),), "a.mask", lambda path: AutosaveStore(path.parent).found()),
        "case": Place((_case(folder),), "case.npz", load_case),
        "hdf5": Place((_h5(),), "slice.h5", lambda path: _read_h5(path, image=(8, 6), sinogram=(5, 4))),
        "settings": Place((_settings(folder),), "settings.json", Settings.load),
    }


def _all_series(path: Path) -> object:
    """Scan, check and read all series."""
    found = dicom.scan(path)
    return [dicom.read(one) for one in found.series if dicom.check(one).stack is not None]


def _encodings(path: Path) -> tuple[bytes, ...]:
    """Return a slice in every encoding that can be written here."""
    encoded = []
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless):
        dataset, stream = pydicom.dcmread(path), BytesIO()
        if syntax.is_compressed:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = syntax
        implicit = syntax == ImplicitVRLittleEndian
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
        encoded.append(stream.getvalue())
    explicit = encoded[0]
    meta_end = 144 + int.from_bytes(explicit[140:144], "little")
    uid = b"1.2.840.10008.1.2.1\0"
    meta = explicit[:meta_end].replace(b"UI\x14\0" + uid, b"UI\x16\0" + uid[:-1] + b".99")
    meta = meta[:140] + (len(meta) - 144).to_bytes(4, "little") + meta[144:]
    return (*encoded, meta + mutate.deflated(explicit[meta_end:]))


def _shared_slices() -> tuple[bytes, ...]:
    """Return slices in further syntaxes, mainly JPEG; none if the data is absent."""
    folder = ROOT.parent / "shared/data/awkward_dicom/transfer_syntaxes"
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.dcm")) if "JPEGProcess" in path.name)


def _zipped(files: list[Path], how: int) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for path in files:
            archive.write(path, f"DICOM/{path.name}")
    return stream.getvalue()


def _directory(files: list[Path]) -> bytes:
    dataset, stream = pydicom.Dataset(), BytesIO()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    records = []
    for path in files:
        record = pydicom.Dataset()
        record.OffsetOfTheNextDirectoryRecord = 0
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", [path.name]
        records.append(record)
    dataset.FileSetID, dataset.DirectoryRecordSequence = "FUZZ", records
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _npz(*, packed: bool = False, **arrays: np.ndarray) -> bytes:
    stream = BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _npy(hu: np.ndarray) -> bytes:
    stream = BytesIO()
    np.save(stream, hu, allow_pickle=False)
    return stream.getvalue()


def _tiff(hu: np.ndarray) -> bytes:
    stream = BytesIO()
    pages = [Image.fromarray(page.astype(np.float32)) for page in hu]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    return stream.getvalue()


def _tensors() -> bytes:
    return bytes(save({"a": torch.ones(4, 3), "b": torch.zeros(2, dtype=torch.float16)}, {"method": "nmar"}))


def _autosave(folder: Path) -> bytes:
    mask = np.zeros(SHAPE, bool)
    mask[1, 2:5, 3:6] = True
    box = (slice(1, 2), slice(2, 5), slice(3, 6))
    work = Work("study", "1.2", SHAPE, tuple(np.eye(4).ravel()), "adaptive")
    store = AutosaveStore(folder / "autosave")
    store.write(work, MaskPatch(box, np.packbits(mask[box]).tobytes()))
    data = next((folder / "autosave").glob("*.mask")).read_bytes()
    store.close()
    return data


def _case(folder: Path) -> bytes:
    hu = torch.zeros(2, 16, 16)
    metal = hu > 1
    metal[:, 4:6, 4:6] = True
    save_case(MarCase(hu, metal, 1.0, ParallelBeam(views=12, bins=24, bin_mm=1.0)), folder / "case.npz")
    return (folder / "case.npz").read_bytes()


def _h5() -> bytes:
    stream = BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("image", data=np.ones((8, 6), np.float32), chunks=True, compression="gzip")
        file.create_dataset("sinogram", data=np.ones((5, 4), np.float32))
    return stream.getvalue()


def _settings(folder: Path) -> bytes:
    settings = Settings(file=folder / "settings.json")
    record = {**dataclasses.asdict(settings), "file": None, "windows": {"PELVIS": [400.0, 40.0]}, "recent": ["/a"]}
    return json.dumps(record).encode()
