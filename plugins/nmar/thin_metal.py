"""What other methods say of slices whose metal is thin: NMAR keeps the bone beside it better."""

from marview.worker.api import MarCase, SliceNote

from .method import Parameters, is_mild

_THIN = "the metal hides or attenuates little, as wires and leads do"
_COMPARE = (
    "; NMAR, which makes its prior of the uncorrected image there, kept the bone beside such metal better, so compare "
    "with it"
)


def thin_metal_notes(case: MarCase) -> list[SliceNote]:
    """Notes on such slices of a clinical image; none where the sinogram was measured.

    Beside the sternal wires of `docs/benchmarks.md` NMAR keeps 88 % of the bone, learned methods 38 to 68 %.
    """
    if case.measured_sinogram is not None:
        return []
    has_metal = case.metal.flatten(1).any(dim=1)
    thin = (is_mild(case, Parameters()) & has_metal).nonzero().flatten().tolist()
    return [SliceNote(case.slice_indices[number] if case.slice_indices else number, _THIN, _COMPARE) for number in thin]
