"""Recipes for training a method's network, stored as `recipes/<size>.toml` in the method's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from marview.errors import BadInput, UsageError
from marview.mar.manifest import ClassPath, wrong_field
from marview.physics import material, protocol
from marview.small_text import read_toml

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Optimiser(_Part):
    """Settings of the optimisers; each turn has its own optimiser.

    Attributes:
        name: adam, adamw or sgd.
        learning_rate: learning rate after the warm-up.
        betas: betas of Adam.
        momentum: momentum of SGD.
        weight_decay: weight decay.
        milestones: steps after which the learning rate is multiplied by `gamma`.
        gamma: factor applied to the learning rate at each milestone.
        decay: learning-rate decay as in Keras: the learning rate is divided by 1 + decay * step.
        cosine: whether the learning rate falls to zero along half a cosine until the last step.
        warm_up: number of steps over which the learning rate rises from zero at the start of a run. A run
            that resumes without optimiser moments has a separate warm-up.
        gradient_clip: maximum norm of all gradients combined; 0 for no limit.
        ema: decay factor of the exponential moving average of the weights; 0 for no average.
        turn_rates: learning-rate factor for each turn; 1 for turns that are not listed.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Positive
    betas: tuple[Share, Share] = (0.9, 0.999)
    momentum: Share = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    milestones: tuple[Count, ...] = ()
    gamma: Positive = 0.5
    decay: Annotated[float, Field(ge=0)] = 0.0
    cosine: bool = False
    warm_up: Annotated[int, Field(ge=0)] = 0
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    turn_rates: dict[str, Positive] = {}


class Augmentation(_Part):
    """Random variation of a metal-free slice before simulated metal is added.

    Attributes:
        flip: probability of mirroring a slice along each axis, 0 to 1.
        rotation_deg: maximum rotation angle in each direction.
        scale: minimum and maximum scale of the body.
        shift_px: maximum shift along each axis.
        warp_px: maximum displacement of a mild elastic warp; 0 for none.
        crop: fraction of slices that are cropped to a random region and enlarged.
        noise_hu: maximum standard deviation of added noise.
        blur_px: maximum width of a blur that imitates a softer kernel.
    """

    flip: Share = 0.5
    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    scale: tuple[Positive, Positive] = (0.8, 1.15)
    shift_px: Annotated[float, Field(ge=0)] = 16.0
    warp_px: Annotated[float, Field(ge=0)] = 6.0
    crop: Share = 0.1
    noise_hu: Annotated[float, Field(ge=0)] = 8.0
    blur_px: Annotated[float, Field(ge=0)] = 0.7

    @classmethod
    def nothing(cls) -> Self:
        """Return settings that leave a slice unchanged."""
        return cls(flip=0, rotation_deg=0, scale=(1, 1), shift_px=0, warp_px=0, crop=0, noise_hu=0, blur_px=0)


class Metal(_Part):
    """Settings of the metal that is simulated in the slices.

    Attributes:
        materials: names of materials as in `marview.physics.material`; each piece of metal consists of one
            material.
        area_px: minimum and maximum metal area per slice, in pixels on a 416 x 416 grid. Areas are drawn
            uniformly on a logarithmic scale.
        pieces: minimum and maximum number of pieces of metal.
        implants: fraction of slices with an implant at its anatomical position, if the slice contains that
            position.
    """

    materials: tuple[str, ...] = ("ti", "ti6al4v", "316l", "cocrmo", "amalgam")
    area_px: tuple[Positive, Positive] = (25.0, 4000.0)
    pieces: tuple[Count, Count] = (1, 6)
    implants: Share = 0.3

    @field_validator("materials")
    @classmethod
    def _known_materials(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_known(material, name) for name in names)


class Data(_Part):
    """Composition of the training batches.

    Attributes:
        kind: "pairs" (the same slice with and without metal) or "unpaired" (different slices with and
            without metal).
        paired: fraction of unpaired batches that contain the ground truth of their simulated images with
            metal.
        batch: number of slices in a batch, all with the same protocol.
        reuse: number of consecutive steps with the same batch.
        remembered: number of batches kept in memory for reuse.
        shown: number of batches used per newly simulated batch: the new batch, and random batches from memory.
        ahead: attributes of `Pairs` to compute in the background, such as image and li_image.
        protocols: names of protocols as in `marview.physics.protocol`; each batch uses one of them.
        photons: minimum and maximum factor applied to the protocol's number of photons.
        reprojected: fraction of batches with forward projections of clinical images instead of measured
            sinograms.
        kernels: reconstruction filters of clinical images.
        phantoms: fraction of slices that are phantoms (pelvis, spine, jaw) instead of real slices.
        lesions: fraction of slices with faint lesions near metal. Without lesions, a network may learn to
            remove everything near metal that differs from soft tissue.
        ahead_batches: number of batches prepared in advance.
        workers: number of processes that draw slices and metal; 0 for a background thread of the training
            process.
        augmentation: variation of the slices.
        metal: metal in the slices.
    """

    kind: Literal["pairs", "unpaired"] = "pairs"
    paired: Share = 0.0
    batch: Count = 1
    reuse: Count = 1
    remembered: Count = 1
    shown: Count = 1
    ahead: tuple[Literal["image", "li_sinogram", "li_image"], ...] = ()
    protocols: Annotated[tuple[str, ...], Field(min_length=1)] = ("syndeeplesion-640", "dudonet-640")
    photons: tuple[Positive, Positive] = (0.2, 1.5)
    reprojected: Share = 0.3
    kernels: Annotated[tuple[str, ...], Field(min_length=1)] = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")
    phantoms: Share = 0.1
    lesions: Share = 0.0
    ahead_batches: Count = 2
    workers: Annotated[int, Field(ge=0)] = 0
    augmentation: Augmentation = Augmentation()
    metal: Metal = Metal()

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_known(protocol, name) for name in names)


class Run(_Part):
    """Duration of the training, and intervals between saved states and between validations.

    Attributes:
        steps: number of steps in the whole training run.
        seed: seed of all random numbers.
        checkpoint_minutes: minutes between saved states.
        validate_every: number of steps between validations.
        validation_batches: number of held-out batches per validation.
        precision: numerical precision of the network; projection always uses float32.
        moments: data type of the saved optimiser moments; bfloat16 needs less space, but a resumed run then
            starts with a warm-up.
    """

    steps: Count
    seed: int = 0
    checkpoint_minutes: Positive = 5.0
    validate_every: Count = 500
    validation_batches: Count = 4
    precision: Literal["float32", "bfloat16"] = "float32"
    moments: Literal["float32", "bfloat16"] = "float32"


class Recipe(_Part):
    """Content of a recipe file.

    Attributes:
        training: `module:Class` in the method's folder; the class is a `marview.learning.api.Trainable`.
        network: settings of the network and the losses, passed to the `training` class unchanged.
        optimiser: settings of the optimisers.
        data: composition of the batches.
        run: duration of the training.
    """

    training: ClassPath
    network: dict[str, Any] = {}
    optimiser: Optimiser
    data: Data = Data()
    run: Run


def read_recipe(folder: Path, size: str) -> Recipe:
    """Read a method's recipe for a given size from the method's folder.

    Raises:
        UsageError: the method has no recipe of this size.
        BadInput: the recipe is invalid; the message names the field.
    """
    path = folder / "recipes" / f"{size}.toml"
    if not path.is_file():
        has = ", ".join(sorted(recipe.stem for recipe in (folder / "recipes").glob("*.toml")))
        raise UsageError(
            f"The method {folder.name} has no recipe of size {size!r}. Choose one of {has}."
            if has
            else f"The method {folder.name} has no recipes, so there is nothing to train."
        )
    try:
        return Recipe.model_validate(read_toml(path))
    except ValidationError as error:
        raise BadInput(f"{path}: {wrong_field(error, Recipe)}") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a TOML file: {error}.") from error


def changes(before: Mapping[str, Any], now: Recipe) -> tuple[str, ...]:
    """Describe the differences between a recipe and an earlier one, for instance "run.steps is 10 (was 8)".

    Args:
        before: earlier recipe as JSON. Fields that are missing from it are not compared. The network
            settings are not compared either, because they cannot change.
        now: current recipe.
    """
    earlier, later = _flat(before), _flat(now.model_dump(mode="json"))
    return tuple(
        f"{name} is {_shown(value)} (was {_shown(earlier[name])})"
        for name, value in later.items()
        if not name.startswith("network.") and earlier.get(name, value) != value
    )


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return flat


def _shown(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _known(find: Any, name: str) -> str:
    try:
        find(name)
    except UsageError as unknown:
        raise ValueError(str(unknown).rstrip(".")) from unknown
    return name
