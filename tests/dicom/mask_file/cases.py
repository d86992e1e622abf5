"""Series and masks of other programs."""

from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
from pydicom import dcmread

from marview.dicom import LoadedSeries
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

SHAPE = (5, 12, 10)


GRID = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.0))


LPS = np.diag([1.0, 1.0, 2.0])


def write_series(folder: Path, seed: str = "one", patient: str = "P-1", grid: Grid = GRID) -> Path:
    hu = np.random.default_rng(8).integers(-200, 900, grid.shape).astype(np.int16)
    write_ct_series(hu, grid, folder, Labels("NO^ONE", patient, "A study", "S"), seed=seed, study_seed=seed)
    return folder


def save_nrrd(path: Path, values: np.ndarray, directions: np.ndarray = LPS, origin=(0.0, 0, 0), **fields) -> Path:
    header = {"space": "left-posterior-superior", "space directions": directions, "space origin": np.array(origin)}
    nrrd.write(str(path), values, header | fields)
    return path


def save_nifti(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(values, affine, dtype=values.dtype), path)
    return path


def sources_of(series: LoadedSeries) -> list:
    return [dcmread(header.source.path) for header in series.sources]


def write_seg(path: Path, sources: list, pixels: np.ndarray, kind: str = "", **options) -> Path:
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    kinds = hd.seg.SegmentAlgorithmTypeValues
    metal = hd.seg.SegmentDescription(1, "metal", codes.SCT.PhysicalObject, codes.SCT.Implant, kinds.MANUAL)
    uids = [generate_uid(prefix=None) for _ in range(2)]
    kind = kind or ("FRACTIONAL" if pixels.dtype.kind == "f" else "BINARY")
    hd.seg.Segmentation(sources, pixels, kind, [metal], uids[0], 1, uids[1], 1, "X", "X", "1", "1", **options).save_as(
        path
    )
    return path
