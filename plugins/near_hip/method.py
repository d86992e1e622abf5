"""The near-hip method: a network trained on the patient's own metal-free slices completes the trace."""

from collections.abc import Callable
from dataclasses import replace

import torch
from pydantic import BaseModel
from torch import Tensor
from torch.nn.functional import interpolate

from marview.errors import MethodFailed
from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.dense_metal import reasons_for_nmar
from marview.methods.dense_nmar import leave_to_nmar
from marview.methods.thin_metal import is_thin, thin_metal_notes
from marview.methods.trace_completion import complete_with_prior
from marview.physics.attenuation import mu_to_hu
from marview.text import count, translatable

from .learned import Kept, Learned, learn
from .network import completed, image_of_start, planes
from .patient import FEWEST, Patient, SmallScan, alike, brightness
from .settings import Parameters, read_settings
from .training import NearHipTraining

WEIGHTS = "weights/bundled.safetensors"

_NETWORK = ("channels", "fold", "start")
"""Parameters whose values must agree with the weights."""

_NEIGHBOURS = 22
_LEFT_OUT = translatable(
    "; there the network was not used, because NMAR's completion already contains the bone beside such metal"
)


class NearHip:
    """Method that trains a network on the scan to be corrected, and uses this network to complete the trace.

    Later runs on the same scan reuse the network.

    Training starts from weights that were trained on other patients. If a scan has too few slices without
    metal, these weights are used without further training.
    """

    Parameters = Parameters

    def __init__(self) -> None:
        self._kept = Kept()

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            BadInput: the weights file contains no valid description of its network.
            MethodFailed: the weights do not fit their description or the parameters, the scan has too few slices
                without metal to start from random weights, or the loss is not a number.
        """
        assert isinstance(parameters, Parameters)
        clean, masks = job.neighbours(_NEIGHBOURS)
        field_mm = case.pixel_mm * case.hu.shape[-1]
        taught = None
        if parameters.begin == "weights":
            # Every run reads the weights, even if it reuses a network, because the record of the result contains their
            # hash.
            taught, parameters = of_several(job, field_mm), _of_its_network(parameters, job)
        if len(clean) >= FEWEST:
            scan = SmallScan(parameters.size_px, parameters.views, field_mm)
            patient = Patient.of(scan, clean if taught is None else alike(clean), masks)
            learned = self._learned(patient, parameters, job, taught)
        elif taught is not None:
            learned = _alone(taught, len(clean))
        else:
            raise MethodFailed(
                translatable(
                    f"near_hip needs {FEWEST} slices without metal to start from random weights, but the scan has only "
                    f"{len(clean)}. Use a scan that extends beyond the implant, or set 'Initial weights' (begin) to "
                    "weights."
                )
            )
        job.check_cancelled()
        job.progress(0.2, "filling the trace")
        with torch.no_grad():
            prior = prior_image(case, learned, job.check_cancelled)
            job.check_cancelled()
            corrected = complete_with_prior(case.sinogram, case.projector.forward(prior), case.trace)
            thin = thin_metal_notes(case, _LEFT_OUT, "NMAR") if learned.start == "nmar" else thin_metal_notes(case)
            notes: list[str | SliceNote] = [learned.words, *thin]
            if not learned.is_own:
                notes += _warnings(case, learned, job)
            is_published = learned.is_own and learned.start == "nothing"
            reasons = reasons_for_nmar(case, dense=not learned.is_own, streaky=not is_published)
            notes += leave_to_nmar(case, prior, corrected, job, reasons)
            job.progress(0.7, "reconstructing")
            return MarResult(mu_to_hu(case.reconstruct(corrected)), mu_to_hu(prior), corrected, notes)

    def _learned(self, patient: Patient, parameters: BaseModel, job: Job, taught: Learned | None) -> Learned:
        assert isinstance(parameters, Parameters)
        settings = parameters.model_dump_json(exclude={"reuse"})
        known = self._kept.find(patient, settings, is_alike_enough=parameters.reuse == "alike")
        if known is None:
            known = learn((patient,), parameters, job, taught)
            self._kept.keep(patient, settings, known)
        return known


def of_several(job: Job, field_mm: float) -> Learned:
    """Load the network with the method's weights onto the job's device.

    Args:
        job: job of the run, which provides the weights.
        field_mm: edge length of the case's grid in mm.

    Raises:
        BadInput: the weights file contains no valid description of its network.
        MethodFailed: the weights do not fit their description.
    """
    of = about(job.about_weights(WEIGHTS), WEIGHTS)
    chosen = read_settings(of.network)
    network = NearHipTraining().build(of.network).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    words = translatable(f"with its bundled weights ({of.version}, {of.steps:,} steps)")
    scan = SmallScan(chosen.size_px, chosen.views, field_mm)
    return Learned(network.eval(), words, scan, chosen.start, is_own=False, has_alike=True)


def prior_image(case: MarCase, learned: Learned, pause: Callable[[], None] = lambda: None) -> Tensor:
    """Return the prior image: the initial image plus the change that the network makes on the small scan.

    The initial image is reconstructed from the initial completion. The change is not added to the
    uncorrected image, because the correction on the small scan cannot remove all streaks of a measured
    sinogram.

    In clinical slices with thin metal, the network is not used, because NMAR's completion already contains
    the bone. The network was trained on completions in which bone was missing, so it would add the bone
    again.

    Args:
        case: slices to correct.
        learned: trained network.
        pause: function called between the steps, so that a run can be cancelled.
    """
    scan = learned.scan
    begun_image = image_of_start(case, learned.start, pause)
    prior = begun_image.clamp(min=0)
    changed = ~is_thin(case) if learned.start == "nmar" else torch.ones(len(prior), dtype=torch.bool)
    for number in changed.nonzero().flatten().tolist():
        pause()
        part = slice(number, number + 1)
        shown, scale = _shown(begun_image[part], case.metal[part], learned)
        small = scan.pairs(shown, case.metal[part])
        begun = None if learned.start == "nothing" else small.sinogram
        made = completed(learned.network, planes(small.sinogram, small.trace, begun, scan.unit), begun, scan.unit)
        change = scan.projector.fbp(torch.where(small.trace, made - small.sinogram, 0.0)) / scale[:, None, None]
        fine = interpolate(change[:, None], size=prior.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        prior[part] = (begun_image[part] + fine).clamp(min=0)
    return prior


def _shown(image_mu: Tensor, metal: Tensor, learned: Learned) -> tuple[Tensor, Tensor]:
    """Scale images to the brightness of the training, 1/cm, `[slice, y, x]`; also return the factors, `[slice]`."""
    scale = image_mu.new_ones(len(image_mu))
    if learned.has_alike:
        pairs = zip(image_mu, metal, strict=True)
        scale = image_mu.new_tensor([brightness(mu_to_hu(one[~solid])) for one, solid in pairs])
    return image_mu * scale[:, None, None], scale


def _alone(taught: Learned, clean_slices: int) -> Learned:
    """Return the network with the bundled weights, and a note that there are too few metal-free slices for training."""
    known = translatable(
        f"The network was not trained on this patient: the scan has {count(clean_slices, 'slice')} without metal, and "
        f"near_hip needs at least {FEWEST} to learn from."
    )
    used = translatable(f"Therefore the network was used {taught.words}; the training parameters had no effect.")
    return replace(taught, words=f"{known} {used}")


def _of_its_network(parameters: Parameters, job: Job) -> Parameters:
    """Return the parameters, with the network settings of the weights.

    Raises:
        MethodFailed: the parameters specify a different network.
    """
    of = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    has = {name: getattr(of, name) for name in _NETWORK}
    for name in parameters.model_fields_set.intersection(_NETWORK):
        wanted = getattr(parameters, name)
        if wanted != has[name]:
            raise MethodFailed(
                translatable(
                    f"near_hip cannot use its weights with {name} = {wanted}, because they belong to a network with "
                    f"{name} = {has[name]}. Leave {name} out, or set 'Initial weights' (begin) to nothing, with 1500 "
                    "steps and a learning rate of 0.003."
                )
            )
    return parameters.model_copy(update=has)


def _warnings(case: MarCase, learned: Learned, job: Job) -> list[str | SliceNote]:
    """Create notes on slices that differ from the training data of the weights, measured on the small scan."""
    scan = learned.scan
    shown, _ = _shown(case.li_mu, case.metal, learned)
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
