"""Draw line charts, black on white, for reports and papers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))
"""Colours that colour-blind readers can distinguish (Okabe and Ito)."""

GREY = (110, 110, 110)
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 16, 40, 62
_DASH_PX = 9


@dataclass(frozen=True)
class Line:
    """A line in a chart; NaN points are skipped.

    Attributes:
        name: name in the legend.
        x: horizontal values.
        y: vertical values.
        colour: colour as (red, green, blue).
        is_plain: whether the line is dashed, without markers.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: tuple[int, int, int]
    is_plain: bool = False


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round tick values within a range.

    >>> ticks(-2, 2)
    [-2.0, -1.0, 0.0, 1.0, 2.0]
    """
    span = max(high - low, 1e-9)
    rough = 10.0 ** math.floor(math.log10(span / most))
    step = next(rough * factor for factor in (1, 2, 5, 10) if span / (rough * factor) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, last + 1)]


def draw_chart(size: tuple[int, int], title: str, x_title: str, lines: Sequence[Line]) -> Image.Image:
    """Draw a chart; `size` is (width, height) in pixels. The value axis fits the data and may exclude 0."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    pen.text((_LEFT, 6), title, fill="black", font=font(17))
    if not points:
        return image
    left, right = _padded([x for x, _ in points])
    low, high = _padded([y for _, y in points])
    width, height = size[0] - _LEFT - _RIGHT, size[1] - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + (x - left) / (right - left) * width, _TOP + height - (y - low) / (high - low) * height

    for y in ticks(low, high, 5):
        at = place(left, y)
        pen.line([at, (at[0] + width, at[1])], fill=(226, 226, 226))
        pen.text((at[0] - 8, at[1]), f"{y:g}", fill=GREY, font=font(14), anchor="rm")
    for x in ticks(left, right):
        at = place(x, low)
        pen.line([at, (at[0], at[1] + 5)], fill=GREY)
        pen.text((at[0], at[1] + 8), f"{x:g}", fill=GREY, font=font(14), anchor="mt")
    pen.rectangle([_LEFT, _TOP, _LEFT + width, _TOP + height], outline=GREY)
    pen.text((_LEFT + width / 2, _TOP + height + 28), x_title, fill="black", font=font(14), anchor="mt")
    for line in lines:
        path = [place(x, y) for x, y in sorted(zip(line.x, line.y, strict=True)) if math.isfinite(y)]
        if line.is_plain:
            _dash(pen, path, line.colour)
            continue
        pen.line(path, fill=line.colour, width=3, joint="curve")
        for x, y in path:
            pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=line.colour)
    at_x = float(_LEFT)
    for line in lines:
        y = size[1] - 12
        pen.line([(at_x, y), (at_x + 18, y)], fill=line.colour, width=1 if line.is_plain else 3)
        pen.text((at_x + 23, y), line.name, fill="black", font=font(13), anchor="lm")
        at_x += 40 + pen.textlength(line.name, font=font(13))
    return image


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's default font."""
    return ImageFont.load_default(size)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(0.5, abs(high) * 0.05)
    return low - room, high + room


def _dash(pen: ImageDraw.ImageDraw, path: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    for (x0, y0), (x1, y1) in pairwise(path):
        length = math.hypot(x1 - x0, y1 - y0)
        for k in range(0, int(length / _DASH_PX), 2):
            a, b = k * _DASH_PX / length, min(1.0, (k + 1) * _DASH_PX / length)
            ends = [(x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0))]
            pen.line(ends, fill=colour, width=2)
