"""Write the sinogram of a slice and the metal trace in it, as arrays or as a picture."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import share, shared_series
from marview.commands.slices import parse_slice
from marview.dicom.atomic import check_file, claimed
from marview.errors import UsageError
from marview.export import whole_file, write_npz
from marview.geometry import TraceCoverage
from marview.mar import MarWorker, Message, Output, SinogramRequest
from marview.text import count

TRACE_COLOUR = (0, 190, 255)
"""Of the outline of the trace in pictures: told from grey by the colour-blind too."""


def write_trace(path: Path, number: int, output: Path, choice: MaskChoice, series_uid: str = "") -> None:
    """Write sinogram, metal trace and LI sinogram of a slice to an npz, or a picture of them to a PNG.

    `number` is the slice number, as the window counts.

    The npz holds `sinogram`, `li_sinogram` (line integrals, `[view, bin]`), `trace` (bool, `[view, bin]`) and `mask`
    (bool, `[y, x]`, on the slice's own pixels).

    Raises:
        UsageError: the slice is not there, or the output is neither npz nor PNG.
        BadInput: the series cannot be read or holds no metal.
    """
    if output.suffix not in {".npz", ".png"}:
        raise UsageError(f"{output} is neither NAME.npz nor NAME.png.")
    check_file(output)
    with claimed(output), shared_series(path, series_uid) as series:
        slice_index = parse_slice(number, series.loaded.volume.grid.slice_numbers)
        check_file(output)  # the series is known by now, and nothing goes into its folder
        metal = find_metal(series.loaded, choice)
        pictures: dict[str, NDArray[Any]] = {"mask": metal.mask[slice_index]}

        def listen(message: Message) -> None:
            if isinstance(message, Output):
                pictures[message.name] = np.load(message.path, allow_pickle=False)

        with share(metal.mask) as mask, MarWorker() as worker:
            request = SinogramRequest(
                hu=series.hu,
                mask=mask,
                spacing_mm=series.loaded.volume.grid.spacing_mm,
                slice_index=slice_index,
            )
            coverage = TraceCoverage(**worker.sinogram(request, listen).wait().check()["coverage"])
        if output.suffix == ".npz":
            write_npz(output, pictures)
        else:
            _draw(output, np.asarray(pictures["sinogram"], np.float32), np.asarray(pictures["trace"], np.bool_))
    for note in metal.notes:
        print(f"Note: {note}", file=sys.stderr)
    print(f"{output}: slice {number}, {_told(coverage, metal)}")


def _told(coverage: TraceCoverage, metal: FoundMetal) -> str:
    """What the trace hides, in a sentence or two."""
    text = (
        f"the metal trace covers {coverage.fraction:.1%} of the sinogram ({metal.origin}); largest gap "
        f"{count(coverage.largest_gap, 'bin')}, "
        f"the body is wholly hidden in {count(coverage.hidden_views, 'view')}."
    )
    return text + " What is put in its place is largely a guess." if coverage.is_guess else text


def _draw(output: Path, sinogram: NDArray[np.float32], trace: NDArray[np.bool_]) -> None:
    """Grey sinogram with the trace outlined; line integrals from zero to their largest."""
    grey = np.clip(sinogram / max(float(sinogram.max()), 1e-6) * 255, 0, 255).astype(np.uint8)
    picture = np.repeat(grey[..., None], 3, axis=-1)
    picture[_outline(trace)] = TRACE_COLOUR
    with whole_file(output) as part:
        Image.fromarray(picture).save(part, format="PNG")


def _outline(trace: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Trace pixels beside one that is not."""
    inside = np.pad(trace, 1)
    return trace & ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])
