"""Draw a sweep figure: one slice in all variants with their masks, the spread, and charts of the measures."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from marview.export.chart import COLOURS, GREY, Line, draw_chart, font
from marview.mar.sweep_measures import Row
from marview.mar.sweep_result import SweepResult
from marview.volume.window import HuWindow

WINDOW = HuWindow(450, 50)
"""HU window used in papers."""

SPREAD_HU = 100.0
"""Spread in HU that is drawn in white."""

MEASURES: tuple[tuple[str, Callable[[Row], float]], ...] = (
    ("Mean in the region, HU", lambda row: row.mean_hu),
    ("Standard deviation in the region, HU", lambda row: row.deviation_hu),
    ("Streak index", lambda row: row.streak_index),
    ("RMSE to the ground truth, HU", lambda row: row.rmse_hu),
)

_OUTLINE = (255, 150, 30)
_TILE_PX, _GAP_PX, _TEXT_PX, _LINE_PX = 330, 6, 24, 24
_MARGIN_PX = 20
_WIDEST = 8
_COLUMNS = (0, 330, 460, 570, 690, 820, 960)
_TITLES = ("variant", "metal voxels", "mean HU", "SD HU", "streak index", "RMSE HU", "seconds")

Tile = tuple[str, NDArray[np.uint8]]


def draw_sweep(
    result: SweepResult,
    rows: Sequence[Row],
    slice_index: int | None = None,
    window: HuWindow | None = None,
    *,
    has_table: bool = True,
) -> Image.Image:
    """Draw a figure with one slice in all variants (masks outlined), charts of all measures, and the table.

    Args:
        result: result of the sweep.
        rows: rows returned by `marview.mar.sweep_measures.measure`.
        slice_index: index of the slice; None for the slice with the most metal.
        window: HU window of the images; None for width 450 HU and level 50 HU.
        has_table: whether to include the table.
    """
    masks = result.masks["original"]
    at = int(masks.sum(axis=(1, 2)).argmax()) if slice_index is None else result.slices.index(slice_index)
    window = window or WINDOW
    body = _body(result.hu["original"][at])
    lines = [_tiles(result, method, at, body, window) for method in result.methods]
    tiles = _tiled([line[first : first + _WIDEST] for line in lines for first in range(0, len(line), _WIDEST)])
    number = result.numbers.number(result.slices[at])
    parts = [
        _heading(f"Slice {number}, width/level {window.width_hu:g}/{window.level_hu:g} HU"),
        tiles,
        _charts(result, rows, max(tiles.width, 1100)),
        *([_table(rows)] if has_table else []),
    ]
    width = max(part.width for part in parts) + 2 * _MARGIN_PX
    page = Image.new("RGB", (width, sum(part.height + _MARGIN_PX for part in parts) + _MARGIN_PX), "white")
    y = _MARGIN_PX
    for part in parts:
        page.paste(part, (_MARGIN_PX, y))
        y += part.height + _MARGIN_PX
    return page


def _tiles(result: SweepResult, method: str, at: int, body: tuple[slice, slice], window: HuWindow) -> list[Tile]:
    truth = [] if result.truth_hu is None else [("truth", _grey(window.grey(result.truth_hu[at][body])))]
    own = [("uncorrected", _picture(result, "original", at, body, window))]
    own += [(f"{method}  {one.label}", _picture(result, one.name, at, body, window)) for one in result.of(method)]
    spread = result.spread_hu(method, result.slices[at])[body]
    return [*truth, *own, (f"spread, white = {SPREAD_HU:g} HU", _grey(spread * (255 / SPREAD_HU)))]


def _picture(result: SweepResult, name: str, at: int, body: tuple[slice, slice], window: HuWindow) -> NDArray[np.uint8]:
    image, mask = _grey(window.grey(result.hu[name][at])), result.masks[name][at]
    inner = mask.copy()
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    image[mask & ~inner] = _OUTLINE
    return image[body]


def _body(hu: NDArray[np.int16]) -> tuple[slice, slice]:
    """Return the rows and columns of the body with a margin."""
    inside = hu > -500
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return slice(0, hu.shape[0]), slice(0, hu.shape[1])
    return slice(max(0, rows[0] - 4), rows[-1] + 5), slice(max(0, columns[0] - 4), columns[-1] + 5)


def _grey(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    levels = np.clip(np.asarray(values, np.float32), 0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def _tiled(rows: Sequence[Sequence[Tile]]) -> Image.Image:
    height, width = rows[0][0][1].shape[:2]
    tall = round(height * _TILE_PX / width)
    step_y, step_x = tall + _TEXT_PX + _GAP_PX, _TILE_PX + _GAP_PX
    canvas = Image.new("RGB", (step_x * max(len(row) for row in rows), step_y * len(rows)), "white")
    pen = ImageDraw.Draw(canvas)
    for y, row in enumerate(rows):
        for x, (title, image) in enumerate(row):
            pen.text((x * step_x + 2, y * step_y + 2), title, fill="black", font=font(15))
            tile = Image.fromarray(image).resize((_TILE_PX, tall), Image.Resampling.LANCZOS)
            canvas.paste(tile, (x * step_x, y * step_y + _TEXT_PX))
    return canvas


def _heading(text: str) -> Image.Image:
    image = Image.new("RGB", (1100, 24), "white")
    ImageDraw.Draw(image).text((0, 2), text, fill="black", font=font(18))
    return image


def _charts(result: SweepResult, rows: Sequence[Row], width: int) -> Image.Image:
    """Draw one chart per measure, two charts in a row."""
    unit = next((row.variant.unit for row in rows if row.variant.method), "mm")
    drawn = [
        (title, lines)
        for title, value in MEASURES
        if any(math.isfinite(value(row)) for row in rows) and (lines := chart_lines(result, rows, value))
    ]
    size = (width // 2 - _GAP_PX, 330)
    page = Image.new("RGB", (width, (len(drawn) + 1) // 2 * size[1]), "white")
    for number, (title, lines) in enumerate(drawn):
        chart = draw_chart(size, title, f"margin of the mask, {unit}", lines)
        page.paste(chart, (number % 2 * (size[0] + _GAP_PX), number // 2 * size[1]))
    return page


def chart_lines(result: SweepResult, rows: Sequence[Row], value: Callable[[Row], float]) -> list[Line]:
    """Return the chart lines of a measure against the margin.

    There is one line per method and threshold, and one for the uncorrected slices.
    """
    groups: dict[tuple[str, float | None], list[Row]] = {}
    for row in rows:
        if row.variant.method in result.methods and not row.note:
            groups.setdefault((row.variant.method, row.variant.threshold_hu), []).append(row)
    lines = [
        Line(
            method if threshold is None else f"{method} > {threshold:g} HU",
            [row.variant.margin for row in group],
            [value(row) for row in group],
            COLOURS[number % len(COLOURS)],
        )
        for number, ((method, threshold), group) in enumerate(groups.items())
    ]
    margins = [x for line in lines for x in line.x]
    if margins and math.isfinite(value(rows[0])):
        ends = [min(margins), max(margins)]
        lines.append(Line("uncorrected", ends, [value(rows[0])] * 2, GREY, is_plain=True))
    return lines


def _table(rows: Sequence[Row]) -> Image.Image:
    image = Image.new("RGB", (1100, _LINE_PX * (len(rows) + 1) + 8), "white")
    pen = ImageDraw.Draw(image)
    for x, title in zip(_COLUMNS, _TITLES, strict=True):
        pen.text((x, 2), title, fill="black", font=font(15))
    pen.line([(0, _LINE_PX), (1080, _LINE_PX)], fill=GREY)
    for number, row in enumerate(rows, start=1):
        values = [row.mean_hu, row.deviation_hu, row.streak_index, row.rmse_hu, row.seconds]
        told = [row.note] if row.note else ["-" if math.isnan(value) else f"{value:.2f}" for value in values]
        name = f"{row.variant.method}  {row.variant.label}".strip()
        cells = [name, str(row.metal_voxels), *told]
        for x, cell in zip(_COLUMNS, cells, strict=False):
            pen.text((x, number * _LINE_PX + 4), cell, fill="black", font=font(15))
    return image
