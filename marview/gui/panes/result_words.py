"""Text of the note next to a result and of the caption below it."""

from marview.session.display import Comparison, Display
from marview.session.metal import Metal
from marview.session.result import Coverage, Result
from marview.text import tr, translatable

CAUTION = translatable("Not for primary diagnosis; review with the uncorrected images.")

NOTES = {
    Comparison.SWIPE: translatable("left of the line: original; drag the line"),
    Comparison.FLICKER: translatable("original and result in turn"),
    Comparison.BLEND: translatable("mean of original and result"),
    Comparison.CHECKERBOARD: translatable("top left square: original"),
}


def result_note(result: Result, display: Display, metal: Metal) -> tuple[str, str]:
    """Return a note on the slice in view, and its kind ("pending" or "").

    Args:
        result: result in view.
        display: display state, with the slice in view and the comparison with the original.
        metal: current metal mask.
    """
    text, kind = coverage_note(result, display, metal)
    if text:
        return text, kind
    z = display.slice_index
    is_older = metal.is_found and not result.mask.is_equal(z, metal.plane(z))
    older = tr("with an earlier mask") if is_older else ""
    compared = tr("result minus original") if display.comparison is Comparison.DIFFERENCE else ""
    if display.comparison in NOTES:
        compared = tr(NOTES[display.comparison])
    return "  ·  ".join(filter(None, (older, compared))), "pending" if is_older else ""


def coverage_note(result: Result, display: Display, metal: Metal) -> tuple[str, str]:
    """Return a note on why the original is shown, and its kind; both are empty for a corrected slice.

    The kind is "pending" if a correction could be shown, and empty if the slice needs none.
    """
    if display.is_original_held:
        return tr("while X is held"), "pending"
    coverage = result.coverage(display.slice_index)
    if coverage is Coverage.WAITING:
        return tr("not corrected yet"), "pending"
    if coverage is Coverage.UNCHANGED:
        if metal.plane(display.slice_index) is not None:
            return tr("this slice was not corrected"), "pending"
        return tr("no metal in this slice: unchanged"), ""
    return "", ""


def caption(result: Result) -> tuple[str, str]:
    """Return two caption lines: a description of the correction, and a caution."""
    chosen = ", ".join(f"{name} {_plain(value)}" for name, value in result.parameters.items())
    parts = [f"{tr(result.title)} {result.version}", tr("mask {}").format(result.mask_and_margin)]
    parts += [chosen or tr("default parameters")]
    parts += [tr("weights {}").format(result.weights_sha256[:8])] if result.weights_sha256 else []
    parts += [result.device] if result.device else []
    parts += [f"{result.seconds:.1f} s"] if result.seconds else []
    return "  ·  ".join(parts), tr(CAUTION)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
