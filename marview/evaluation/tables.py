"""Format benchmark results as Markdown and CSV tables."""

import csv
import dataclasses
import io
import math
from collections.abc import Sequence

from marview.evaluation.published import published_rows
from marview.evaluation.published_row import FAMILIES, Family, Published
from marview.evaluation.results import Results, Row
from marview.metrics import Measures, mean, standard_deviation, worst
from marview.text import count


def markdown(results: Results) -> str:
    """Return the full report: PSNR, SSIM, HU errors, clinical measures, published rows, notes, failures."""
    rows = [row for row in results.rows if row.slices]
    parts = [f"# Benchmark: {results.protocol}"]
    if rows:
        parts += [_main_table(results, rows), _hu_table(rows), _clinical_table(rows), _family_table(rows)]
    if common := results.in_common():
        parts += [
            f"Not all rows cover all slices. On the {count(len(common.rows[0].slices), 'slice')} that all rows cover:",
            _main_table(common, common.rows),
            _hu_table(common.rows),
        ]
    parts += [published_table(published_rows(results.protocol))]
    if noted := [line for row in rows for line in _noted(row)]:
        parts.append("Notes of the methods:\n\n" + "\n".join(noted))
    if results.failures:
        parts.append("Without a result:\n\n" + "\n".join(f"- {sentence}" for sentence in results.failures))
    return "\n\n".join(part for part in parts if part) + "\n"


def summary_csv(results: Results) -> str:
    """Return CSV with the mean, standard deviation and worst value of every measure, one line per row."""
    names = [each.name for each in dataclasses.fields(Measures)]
    header = ["method", "slices", "seconds_per_slice"]
    lines = [header + [f"{kind}_{name}" for kind in ("mean", "sd", "worst") for name in names]]
    for row in results.rows:
        if row.slices:
            sums = (mean(row.measures), standard_deviation(row.measures), worst(row.measures))
            values = [value for each in sums for value in dataclasses.astuple(each)]
            lines.append([row.id, str(len(row.slices)), _exact(row.seconds_per_slice), *map(_exact, values)])
    return _csv(lines)


def slices_csv(results: Results) -> str:
    """Return CSV with every measure, one line for each slice of each row."""
    lines = [["method", "case", "slice", "metal_px"] + [each.name for each in dataclasses.fields(Measures)]]
    for row in results.rows:
        for each in row.slices:
            measures = map(_exact, dataclasses.astuple(each.measures))
            lines.append([row.id, each.case, str(each.index), str(each.metal_px), *measures])
    return _csv(lines)


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, aligned in plain text: first column left-aligned, others right-aligned."""
    widths = [max(len(line[k]) for line in (header, *lines)) for k in range(len(header))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]

    def row(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    return "\n".join([row(header), row(rule), *map(row, lines)])


def measure_lines(columns: Sequence[tuple[Measures, Measures]], *, is_one_slice: bool = False) -> list[list[str]]:
    """Return one row per measure with a value in at least one column: `PSNR dB | 38.20 (35.10) | ...`.

    Args:
        columns: mean and worst values of each column.
        is_one_slice: whether the values come from a single slice (mean and worst value are then equal).
    """
    lines = []
    for each in dataclasses.fields(Measures):
        pairs = [(getattr(average, each.name), getattr(lowest, each.name)) for average, lowest in columns]
        if not all(math.isnan(average) for average, _ in pairs):
            digits = 1 if each.name.endswith("_hu") else 2 if each.name.endswith(("_db", "index")) else 4
            worst = ["" if is_one_slice else f" ({_text(lowest, digits)})" for _, lowest in pairs]
            cells = [f"{_text(average, digits)}{low}" for (average, _), low in zip(pairs, worst, strict=True)]
            unit = " HU" if each.name.endswith("_hu") else " dB" if each.name.endswith("_db") else ""
            lines.append([each.metadata["title"] + unit, *cells])
    return lines


def _noted(row: Row) -> list[str]:
    """Return one line for each note of a method."""
    where = [f", on {note.cases} of {row.cases} cases" if note.cases < row.cases else "" for note in row.notes]
    return [f"- {row.title}{place}: {note.sentence}" for place, note in zip(where, row.notes, strict=True)]


def _main_table(results: Results, rows: Sequence[Row]) -> str:
    groups = results.groups()
    sizes = {(s.case, s.index): s.metal_px for row in rows for s in row.slices}
    spans = [_span([sizes[key] for key in group]) for group in groups]
    header = [
        "PSNR dB / SSIM",
        *(f"{span} px" for span in spans),
        "average",
        "PSNR sd",
        "worst",
        "to ceiling",
        "slices",
        "s/slice",
    ]
    lines = []
    for row in rows:
        average, deviation, lowest = mean(row.measures), standard_deviation(row.measures), worst(row.measures)
        lines.append(
            [
                row.title,
                *(_pair(each) for each in results.group_measures(row)),
                _pair(average),
                _text(deviation.psnr_db, 2),
                _text(lowest.psnr_db, 2),
                _text(results.share_of_ceiling(row), 2),
                str(len(row.slices)),
                _text(row.seconds_per_slice, 3),
            ]
        )
    note = (
        "Measured with values from 0 to 0.5/cm (-1000 to 1604 HU), a peak value of 1, metal pixels set to 0 and "
        "included, and SSIM as in ssim.m. The groups are ordered by the number of metal pixels, from large to small. "
        "*To ceiling*: fraction of the gap in mean squared error between NMAR and the FBP ceiling that the method "
        "closes."
    )
    return f"{markdown_table(header, lines)}\n\n{note}"


def _hu_table(rows: Sequence[Row]) -> str:
    header = ["RMSE, mean ± sd in HU", "image", "soft tissue", "ring", "ring, soft tissue", "ring PSNR / SSIM"]
    lines = []
    for row in rows:
        average, deviation = mean(row.measures), standard_deviation(row.measures)
        names = ("rmse_hu", "soft_tissue_rmse_hu", "ring_rmse_hu", "ring_soft_tissue_rmse_hu")
        cells = [f"{_text(getattr(average, name), 1)} ± {_text(getattr(deviation, name), 1)}" for name in names]
        ring = f"{_text(average.ring_psnr_db, 2)} / {_text(average.ring_ssim, 4)}"
        lines.append([row.title, *cells, ring])
    note = (
        "Measured outside metal. Values are clipped to -1000 to 1604 HU (in soft tissue: -175 to 275 HU). Ring: 20 "
        "pixels around metal."
    )
    return f"{markdown_table(header, lines)}\n\n{note}"


def _clinical_table(rows: Sequence[Row]) -> str:
    header = [
        "Clinical measures",
        "streak amplitude HU",
        "streak index",
        "CT number bias HU",
        "bone Dice",
        "metal Dice",
    ]
    lines = []
    for row in rows:
        average = mean(row.measures)
        cells = [(average.streak_amplitude_hu, 0), (average.streak_index, 2), (average.ct_number_bias_hu, 1)]
        cells += [(average.bone_dice, 3), (average.metal_dice, 3)]
        lines.append([row.title, *(_text(value, digits) for value, digits in cells)])
    return markdown_table(header, lines)


def _family_table(rows: Sequence[Row]) -> str:
    header = ["Other families' metrics", "PSNR in [0, 1]/cm (+6 dB)", "SSIM", "ADN PSNR", "ADN SSIM in %"]
    header += ["DuDoNet PSNR in -175 to 275 HU", "SSIM"]
    lines = []
    for row in rows:
        average = mean(row.measures)
        cells = [(average.full_range_psnr_db, 2), (average.full_range_ssim, 4)]
        cells += [(average.adn_psnr_db, 2), (100 * average.adn_ssim, 2)]
        cells += [(average.soft_tissue_psnr_db, 2), (average.soft_tissue_ssim, 4)]
        lines.append([row.title, *(_text(value, digits) for value, digits in cells)])
    return markdown_table(header, lines)


def published_table(rows: Sequence[Published]) -> str:
    """Return one table per family, because families are not comparable; empty without published rows."""
    families = dict.fromkeys(row.family for row in rows)
    return "\n\n".join(_family(name, [row for row in rows if row.family == name]) for name in families)


def _family(name: Family, rows: Sequence[Published]) -> str:
    columns = {
        "PSNR dB": [_given(row.psnr_db, 2) for row in rows],
        "large to small": [_groups(row) for row in rows],
        "SSIM": [_given(row.ssim, 4) for row in rows],
        "RMSE HU": [_given(row.rmse_hu, 2) for row in rows],
        "mean absolute error": [_given(row.mean_absolute_error, 1) for row in rows],
        "score": [_given(row.score, 2) for row in rows],
        "source": [row.source for row in rows],
    }
    filled = {title: cells for title, cells in columns.items() if any(cells)}
    names = [row.method + ("" if row.is_confirmed else " (unconfirmed)") for row in rows]
    lines = [list(line) for line in zip(names, *filled.values(), strict=True)]
    return f"Published, family {name}: {FAMILIES[name]}.\n\n{markdown_table(['method', *filled], lines)}"


def _groups(row: Published) -> str:
    text = " ".join(f"{each:.2f}" for each in row.groups)
    return text if row.are_groups_confirmed else f"{text} (unconfirmed)"


def _span(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if min(sizes) == max(sizes) else f"{max(sizes)} to {min(sizes)}"


def _pair(measures: Measures) -> str:
    return f"{_text(measures.psnr_db, 2)} / {_text(measures.ssim, 4)}"


def _given(value: float | None, digits: int) -> str:
    return "" if value is None else _text(value, digits)


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _exact(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _csv(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
