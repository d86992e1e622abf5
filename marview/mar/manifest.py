"""What a method says about itself, read from `plugin.toml` without importing its code."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from marview.errors import BadInput
from marview.paths import bundled_plugins

API_VERSION = 1
"""Version of the contract in `marview.methods.api` that this marview speaks."""

MANIFEST = "plugin.toml"

OUTPUTS = ("sinogram", "trace", "li_sinogram", "prior", "artifact", "corrected_sinogram", "result", "consistency")
"""Names of the intermediate pictures of a run."""

Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Part):
    """A file of learned weights that lies in the method's folder.

    Attributes:
        file: its path below that folder; safetensors only.
        sha256: checked before every loading.
        trained_on: the data it was trained on.
        licence: of the weights.
    """

    file: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
    trained_on: Text
    licence: Text

    @field_validator("file")
    @classmethod
    def _safe(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.suffix != ".safetensors":
            raise ValueError(f"{file} is refused: weights are .safetensors, since pickled ones can run code")
        if path.is_absolute() or ".." in path.parts or "\\" in file:
            raise ValueError(f"{file} does not lie in the method's own folder")
        return file


class Citation(_Part):
    """Where the method was published."""

    authors: Text
    title: Text
    year: int
    doi: str = ""


class Manifest(_Part):
    """What `plugin.toml` says.

    Attributes:
        id: names the method in folders, on the command line and in provenance.
        title: names it for people.
        purpose: what it is good for, one line.
        version: of the method.
        api: version of the contract it was written for.
        entry: `module:Class` in its folder.
        device: where it can run.
        needs_sinogram: whether it works on sinograms.
        outputs: intermediate pictures it shows, of `OUTPUTS`.
        memory_mb: what one slice of a batch takes, so that batches fit the memory that is free.
        needs_weights: whether it can do nothing before it has learned.
        learns_from_scan: whether a run learns from the scan it corrects before it begins.
        fewest_clean: so many slices without metal a scan must have for that.
        code: id of the bundled method whose code this one runs, where it only brings weights of its own.
        python: another interpreter to run it with, a path; relative ones start at its folder.
        weights: its learned weights.
        citation: where it was published.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    purpose: str = ""
    version: Text
    api: Annotated[int, Field(ge=1)]
    entry: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
    device: Literal["cpu", "cuda", "any"] = "any"
    needs_sinogram: bool = True
    outputs: tuple[str, ...] = ("result",)
    memory_mb: Annotated[int, Field(ge=1)] = 64
    needs_weights: bool = False
    learns_from_scan: bool = False
    fewest_clean: Annotated[int, Field(ge=1)] = 1
    code: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]*)?$")] = ""
    python: str = ""
    weights: tuple[Weights, ...] = ()
    citation: Citation | None = None

    @field_validator("outputs")
    @classmethod
    def _known(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in outputs if name not in OUTPUTS]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: an output is one of {', '.join(OUTPUTS)}")
        return outputs

    @model_validator(mode="after")
    def _speaks_this_contract(self) -> "Manifest":
        if self.api > API_VERSION:
            raise ValueError(
                f"it was written for version {self.api} of the contract of methods and this marview speaks version "
                f"{API_VERSION}; update marview"
            )
        return self


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the method in a folder.

    Raises:
        BadInput: there is none, or it is wrong; the sentence names the field.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); a method is a folder with a {MANIFEST}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is not a TOML file: {error}.") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {wrong_field(error)}.") from error


def code_folder(folder: Path, manifest: Manifest) -> Path:
    """Where the code and the recipes of the method in a folder lie."""
    return bundled_plugins() / manifest.code if manifest.code else folder


def wrong_field(error: ValidationError) -> str:
    """What is wrong first, as a clause: the field, why, and what was given."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{field} is missing"
    if first["type"] == "extra_forbidden":
        return f"{field} is not a name that is known here"
    if first["type"] == "value_error":
        return f"{field}: {why}" if field else why
    return f"{field} is {first['input']!r}: {why[0].lower()}{why[1:]}"
