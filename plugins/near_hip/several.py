"""The network that several patients taught: a run begins with it, or uses it where there is too little to learn."""

from dataclasses import replace

from marview.errors import MethodFailed
from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, SliceNote
from marview.physics.attenuation import mu_to_hu
from marview.text import count, translatable

from .learned import Learned
from .parameters import Parameters
from .patient import FEWEST, SmallScan
from .prior import shown_mu
from .settings import read_settings
from .training import NearHipTraining

WEIGHTS = "weights/bundled.safetensors"

_NETWORK = frozenset({"channels", "fold", "start"})
"""Parameters that are the network's own, and so those of its weights."""


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
    words = translatable(f"as other people's slices had taught it ({of.version}, {of.steps:,} steps)")
    scan = SmallScan(chosen.size_px, chosen.views, field_mm)
    return Learned(network.eval(), words, scan, chosen.start, is_own=False, has_alike=True)


def alone(taught: Learned, clean_slices: int) -> Learned:
    """That network for a scan it learns nothing from, and the words for it.

    Args:
        taught: `of_several`.
        clean_slices: so many slices without metal the scan has.
    """
    known = translatable(
        f"It knows nothing of this patient: this scan has {count(clean_slices, 'slice')} known to be without metal, "
        f"and near_hip learns from {FEWEST} at least."
    )
    used = translatable(f"So the network was used {taught.words}; the parameters of learning had no part in it.")
    words = f"{known} {used}"
    return replace(taught, words=words)


def of_its_network(parameters: Parameters, job: Job) -> Parameters:
    """Parameters with the network of the method's weights.

    Args:
        parameters: parameters of the run.
        job: has the weights.

    Raises:
        MethodFailed: another network was asked for.
    """
    of = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    has = {name: getattr(of, name) for name in _NETWORK}
    for name in _NETWORK & parameters.model_fields_set:
        wanted = getattr(parameters, name)
        if wanted != has[name]:
            raise MethodFailed(
                translatable(
                    f"near_hip cannot use its weights with {name} = {wanted}, since they are of a network of {name} = "
                    f"{has[name]}; leave {name} out, or say begin = nothing with 1500 steps and a learning rate of "
                    "0.003."
                )
            )
    return parameters.model_copy(update=has)


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
