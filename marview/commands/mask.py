"""Write the metal mask of a series: the command `mask`."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from marview.commands.metal import MaskChoice, find_metal
from marview.commands.options import AsJson, Input, KMeans, Margin, MaskFile, Series, Threshold
from marview.commands.series import shared_series
from marview.dicom.atomic import claimed
from marview.export import refuse_mask_name, write_mask
from marview.terminal import note
from marview.text import count


def mask(
    input_: Input,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="NAME.nii.gz for NIfTI, NAME.nrrd for NRRD, NAME.dcm for DICOM SEG.")
    ],
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    series: Series = "",
    as_json: AsJson = False,
) -> None:
    """Find the metal in a series, or read a mask from a file, and write the metal mask.

    Raises:
        UsageError: the extension of the output file is not supported.
        BadInput: the series cannot be read or contains no metal, or the file cannot be written.
    """
    choice = MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans, margin_mm=margin)
    with shared_series(input_, series) as shared:
        loaded = shared.loaded
        refuse_mask_name(output, loaded)
        with claimed(output):
            found = find_metal(loaded, choice)
            write_mask(output, found.mask, loaded, origin=found.origin, is_automatic=choice.file is None)
        grid = loaded.volume.grid
        volume_ml = float(found.mask.sum() * grid.voxel_mm3 / 1000)
        slices = grid.slice_numbers.sorted(np.flatnonzero(found.mask.any(axis=(1, 2))))
    if as_json:
        record = {
            "input": str(loaded.series.path),
            "origin": found.origin,
            "voxels": int(found.mask.sum()),
            "volume_ml": round(volume_ml, 3),
            "slices": slices,
            "notes": list(found.notes),
            "output": str(output),
        }
        print(json.dumps(record, indent=2))
        return
    for each in found.notes:
        note(each)
    ends = f"{slices[0]} {'and' if len(slices) == 2 else 'to'} {slices[-1]}"
    which = ends if len(slices) > 1 else f"slice {slices[0]}"
    print(
        f"{output}: {volume_ml:.2f} ml of metal in {len(slices)} of {count(len(found.mask), 'slice')} ({which}), "
        f"{found.origin}."
    )
