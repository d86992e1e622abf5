"""The network that several patients taught: a run begins with it, or uses it where there is too little to learn."""

from dataclasses import replace

from marview.errors import MethodFailed
from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.physics.attenuation import mu_to_hu
from marview.worker.api import Job, MarCase, SliceNote

from .learned import Learned
from .parameters import Parameters
from .patient import FEWEST, SmallScan
from .prior import shown_mu
from .settings import read_settings
from .training import NearHipTraining

WEIGHTS = "weights/bundled.safetensors"


def of_several(job: Job, field_mm: float) -> Learned:
    """The network of the method's weights, on the job's device.

    Args:
        job: has the weights.
        field_mm: edge of the case's grid.

    Raises:
        BadInput: the weights do not say what network they are of.
        MethodFailed: they are not those of the network they say they are.
    """
    of = about(job.about_weights(WEIGHTS), WEIGHTS)
    chosen = read_settings(of.network)
    network = NearHipTraining().build(of.network).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    words = f"a network that had learned from other people's slices ({of.version}, {of.steps:,} steps)"
    scan = SmallScan(chosen.size_px, chosen.views, field_mm)
    return Learned(network.eval(), words, scan, chosen.start, has_alike=True)


def alone(taught: Learned, clean_slices: int) -> Learned:
    """That network for a scan it learns nothing from, and the words for it.

    Args:
        taught: `of_several`.
        clean_slices: so many slices without metal the scan has.
    """
    known = {0: "no slice without metal is", 1: "one slice without metal is"}.get(clean_slices)
    words = (
        f"Of this scan {known or f'{clean_slices} slices without metal are'} known, too few to learn from (near_hip "
        f"learns from {FEWEST} at least). So {taught.words} was used: it knows nothing of this patient, and the "
        "parameters of learning had no part in it."
    )
    return replace(taught, words=words)


def refuse_unlike(parameters: Parameters, job: Job) -> None:
    """See whether a network of these parameters can begin with the method's weights.

    Raises:
        MethodFailed: it is another network.
    """
    of = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    for name in ("channels", "fold", "start"):
        has, wanted = getattr(of, name), getattr(parameters, name)
        if has != wanted:
            raise MethodFailed(
                f"near_hip cannot begin with its weights and {name} = {wanted}, since they are of a network of {name} "
                f"= {has}; leave {name} as it is, or choose begin = nothing with 1500 steps and a learning rate of "
                "0.003."
            )


def warnings_of_several(case: MarCase, learned: Learned, job: Job) -> list[str | SliceNote]:
    """Notes on slices that differ from all that this network was shown, seen as it sees them.

    Args:
        case: that was corrected.
        learned: `of_several`.
        job: has the weights.
    """
    scan = learned.scan
    shown, _ = shown_mu(case.li_mu, case.metal, learned)
    image, metal = scan.image(shown).clamp(min=0), scan.mask(case.metal)
    small = MarCase(
        hu=mu_to_hu(image),
        metal=metal,
        pixel_mm=scan.field_mm / scan.size_px,
        beam=scan.projector.beam,
        slice_indices=case.slice_indices,
        measured_trace=scan.projector.trace(metal),
    )
    return warnings(small, job.about_weights(WEIGHTS))
