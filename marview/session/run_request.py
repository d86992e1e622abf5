"""Create the empty result that a run will fill, and the request that the run sends to the worker."""

from collections.abc import Mapping
from typing import Any

from marview.mar import Listing, ReduceRequest, SharedArray, reduce_request
from marview.session.metal import Metal
from marview.session.result import KeptMask, Result
from marview.session.results import Results
from marview.volume.volume import Volume


def empty_result(
    method: Listing,
    parameters: Mapping[str, Any],
    slices: tuple[int, ...],
    *,
    metal: Metal,
    results: Results,
    series: str,
    series_title: str,
    restores_cut_off: bool,
) -> Result:
    """Create a result without corrected slices.

    Args:
        method: method to run; it must be usable.
        parameters: parameters of the method.
        slices: indices of the slices to correct.
        metal: mask of the series; the result stores a copy.
        results: results of the session; their store receives the corrections.
        series: key of the series.
        series_title: description of the series.
        restores_cut_off: whether to restore dark streaks that are clipped in the file.
    """
    assert method.manifest is not None
    assert metal.shared is not None
    recipe = metal.recipe
    return Result(
        method=method.id,
        title=method.manifest.title,
        version=method.manifest.version,
        parameters=dict(parameters),
        margin_mm=recipe.margin_mm,
        mask_text=recipe.text,
        mask_words=recipe.words,
        mask=KeptMask(metal.shared.array, sorted({*slices, *map(int, metal.slices)})),
        slices=slices,
        store=results.store,
        series=series,
        series_title=series_title,
        restores_cut_off=restores_cut_off,
    )


def request_for(result: Result, hu: SharedArray, volume: Volume, device: str) -> ReduceRequest:
    """Create the request that asks the worker to correct the missing slices of a result.

    Raises:
        MarviewError: there is not enough memory.
    """
    return reduce_request(
        result.method,
        hu,
        result.mask.write_to,
        spacing_mm=volume.grid.spacing_mm,
        slices=result.missing,
        numbers=volume.grid.slice_numbers,
        parameters=result.parameters,
        device=device,
        restore_cut_off=result.restores_cut_off,
        keep_outputs=True,
        span=result.mask.span,
    )
