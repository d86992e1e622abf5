"""Train a method with the arguments of `marview train`, and write the run to a folder."""

import errno
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from marview.errors import BadInput, MarviewError, MethodFailed, UsageError
from marview.export import CannotWrite, claimed
from marview.learning.api import Asked, OwnPairs, Sources, SpectralPairs, Trainable
from marview.learning.bank import read_banks
from marview.learning.loop import Training
from marview.learning.machine import Machine
from marview.learning.memory import Remembered
from marview.learning.model_card import write_card
from marview.learning.pairs import SimulatedPairs, ValidationPairs
from marview.learning.plan import Ending, News, Plan
from marview.learning.recipe import Recipe, read_recipe
from marview.learning.record import Session, add_session, collections_of
from marview.learning.run_folder import check_folder, held
from marview.learning.unpaired import unpaired_sources
from marview.mar import Listing
from marview.mar.manifest import code_folder
from marview.memory import is_lack_of_memory
from marview.originals import refuse_original
from marview.physics import protocol
from marview.threads import is_lack_of_threads
from marview.worker.loading import made_in
from marview.worker.method_errors import as_sentence, place

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """Arguments of `marview train`.

    Attributes:
        data: scans without metal, or the data from which the method creates its own pairs.
        output: folder of the run.
        size: size of the network: paper, bundled, tiny or the name of another recipe of the method.
        protocols: protocols to use instead of the recipe's protocols.
        device: auto, cpu or cuda.
        max_minutes: time limit of this session in minutes.
        is_resumed: whether to resume the run in `output`.
        is_patient: whether `data` contains scans of a single patient.
        begins_with: weights file of the same method, of any size, for a new run. Tensors with matching names
            and shapes become the initial weights.
        with_metal: scans with metal for unpaired training; `data` then contains the scans without metal.
        spectral: spectral scans of the same patients as the ordinary scans in `data`.
    """

    data: Path
    output: Path
    size: str = "bundled"
    protocols: Sequence[str] = ()
    device: str = "auto"
    max_minutes: float = math.inf
    is_resumed: bool = False
    is_patient: bool = False
    begins_with: Path | None = None
    with_metal: Path | None = None
    spectral: Path | None = None


def train(
    listing: Listing,
    order: Order,
    tell: Callable[[str], None] = lambda _: None,
    hear: Callable[[News], None] = lambda _: None,
) -> Ending:
    """Train a method for one session.

    Args:
        listing: the method.
        order: arguments of the session.
        tell: function called with messages for the user.
        hear: function called with the progress.

    Raises:
        UsageError: the method cannot be trained with these arguments, the folder contains another run, or the initial
            weights do not fit.
        BadInput: the data cannot be used for training.
        MethodFailed: the code of the method fails, or a loss is NaN.
        CannotWrite: the disk is full or read-only, or another process trains in the same folder.
    """
    if listing.manifest is None:
        raise UsageError(f"The method {listing.id} cannot be trained: {listing.error}")
    if order.is_resumed and order.begins_with is not None:
        raise UsageError("A resumed run continues with its own weights. Use either --resume or --begin-with.")
    check_folder(order.output, is_resumed=order.is_resumed)
    code = code_folder(listing.folder, listing.manifest)
    recipe = _recipe(code, order)
    trainable: Trainable = made_in(code, recipe.training, f"recipes/{order.size}.toml: training")
    if order.is_patient and not isinstance(trainable, OwnPairs):
        raise UsageError(
            f"{listing.id} does not train on a patient's own scan; near_hip does. Specify scans without metal "
            "with --data DIR."
        )
    if order.protocols and isinstance(trainable, OwnPairs):
        raise UsageError(f"{listing.id} creates its own training pairs from the scans, so omit --protocol.")
    if order.with_metal is not None and recipe.data.kind != "unpaired":
        raise UsageError(
            f"{listing.id} is trained on image pairs, so it cannot use real scans with metal. Specify scans without "
            "metal with --data DIR. Unpaired training is for methods such as adn."
        )
    if order.spectral is not None and not isinstance(trainable, SpectralPairs):
        raise UsageError(
            f"{listing.id} does not train on spectral scans; lga does. Specify scans without metal with --data DIR."
        )
    machine = Machine(order.device)
    with claimed(order.output) if machine.is_first else nullcontext(), _failures_of(listing.id, code, order.output):
        return _train(listing, order, trainable, recipe, code, machine, tell, hear)


@contextmanager
def _failures_of(method: str, code: Path, output: Path) -> Iterator[None]:
    """Convert an exception in the training code of a method to an error message with file and line."""
    try:
        yield
    except MarviewError:
        raise
    except Exception as error:
        if is_lack_of_memory(error) or is_lack_of_threads(error) or not place(error, code):
            raise
        log.exception("training of %s failed", method)
        kept = "" if held(output) is None else f" The last saved state stays in {output}; --resume continues from it."
        more = "" if log.isEnabledFor(logging.INFO) else " Add --verbose for the whole traceback."
        raise MethodFailed(f"Training of {method} failed: {as_sentence(error, code)}{kept}{more}") from error


def _train(
    listing: Listing,
    order: Order,
    trainable: Trainable,
    recipe: Recipe,
    code: Path,
    machine: Machine,
    tell: Callable[[str], None],
    hear: Callable[[News], None],
) -> Ending:
    """Train on a machine, after `train` has locked the folder of the run."""
    assert listing.manifest is not None
    sources = _sources(trainable, recipe, order, machine, tell)
    refuse_original(order.output)
    version, begins_with = listing.manifest.version, order.begins_with
    pairs, held_out = sources.training, sources.validation
    plan = Plan(listing.id, version, trainable, recipe, pairs, held_out, order.output, machine, begins_with)
    training = Training(plan, is_resumed=order.is_resumed)
    count = sum(one.numel() for one in training.learner.network.parameters())
    tell(
        f"{listing.manifest.title}, size {order.size}: {count:,} parameters, step {training.step} of "
        f"{recipe.run.steps}, on {machine.title}."
    )
    if training.beginning is not None:
        tell(f"Training starts from {training.beginning}.")
    if training.changes:
        tell(f"The recipe has changed: {'; '.join(training.changes)}.")
    before = training.step

    def record() -> None:
        if not machine.is_first or training.step == before:
            return
        session = Session(
            before,
            training.step,
            round(training.minutes, 2),
            machine.title,
            sources.words,
            sources.collections,
            has_own_pairs=isinstance(trainable, OwnPairs),
            is_patient=order.is_patient,
            has_real_metal=order.with_metal is not None or order.spectral is not None,
            changes=training.changes,
        )
        begun, is_new = training.beginning, not order.is_resumed
        add_session(order.output, listing, order.size, recipe, count, session, begun, is_new=is_new)
        write_card(order.output, code)

    try:
        with _afterwards(record):
            ending = training.run(order.max_minutes, hear, tell)
    except torch.OutOfMemoryError as error:
        raise MethodFailed(
            f"Training of {listing.id} needs more memory than {machine.title} has. Use a smaller batch in "
            f"{code / 'recipes' / order.size}.toml, or a smaller --size."
        ) from error
    except CannotWrite as refusal:
        is_full = refusal.why is not None and refusal.why.errno in {errno.ENOSPC, errno.EDQUOT}
        first = "Free disk space" if is_full else "Make sure that the folder can be written"
        then = "start again" if training.kept_step is None else "continue with --resume"
        advice = f"{training.stays[0].upper()}{training.stays[1:]}. {first} and {then}."
        raise CannotWrite(refusal.what, refusal.why, advice) from refusal
    machine.close()
    return ending


@contextmanager
def _afterwards(record: Callable[[], None]) -> Iterator[None]:
    """Save a record even if the block fails; an error in the block takes precedence over an error while saving."""
    try:
        yield
    except BaseException:
        with suppress(BadInput):
            record()
        raise
    record()


def _recipe(folder: Path, order: Order) -> Recipe:
    recipe = read_recipe(folder, order.size)
    if not order.protocols:
        return recipe
    chosen = tuple(protocol(name).name for name in order.protocols)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"protocols": chosen})})


def _sources(
    trainable: Trainable, recipe: Recipe, order: Order, machine: Machine, tell: Callable[[str], None]
) -> Sources:
    is_unpaired = recipe.data.kind == "unpaired"
    if is_unpaired or isinstance(trainable, OwnPairs):
        asked = Asked(
            order.data,
            recipe,
            machine.device,
            machine.process,
            tell,
            is_patient=order.is_patient,
            with_metal=order.with_metal,
            spectral=order.spectral,
        )
        sources = trainable.sources(asked) if isinstance(trainable, OwnPairs) else unpaired_sources(asked)
        tell(f"{sources.words}.")
        return sources
    banks = read_banks(order.data, tell)
    tell(f"{banks.words}.")
    how, seed = recipe.data, recipe.run.seed
    simulated = SimulatedPairs.of(banks.training, how, machine.device, seed, machine.process)
    return Sources(
        Remembered(simulated, how.remembered, how.shown, seed) if how.shown > 1 else simulated,
        ValidationPairs(banks.validation, how, machine.device, seed),
        banks.words,
        collections_of(order.data, set(banks.training.names)),
    )
