"""The manifest of a method, read from `plugin.toml` without importing its code."""

import difflib
import re
from collections.abc import Collection
from inspect import isclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from marview.errors import BadInput
from marview.paths import bundled_plugins
from marview.small_text import read_toml
from marview.wrong_value import must_be

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

API_VERSION = 1
"""Version of the interface `marview.methods.api` that this marview supports."""

MANIFEST = "plugin.toml"

OUTPUTS = ("sinogram", "trace", "li_sinogram", "prior", "artifact", "corrected_sinogram", "result", "consistency")
"""Names of the intermediate pictures of a run."""

Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, Field(ge=1, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


def _shaped(pattern: str, otherwise: str) -> AfterValidator:
    """Return a validator for a regular expression, with a message that explains the format in words."""

    def checked(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} {otherwise}")
        return text

    return AfterValidator(checked)


_NO_IDENTIFIER = "is not an identifier; use lower-case letters, digits and underscores, and begin with a letter"

ClassPath = Annotated[
    str,
    _shaped(
        r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*",
        "does not name a class; write MODULE:CLASS, such as method:Smoothing",
    ),
]
"""A class in the folder of a method, as `module:Class`."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Part):
    """A weights file in the method's folder.

    Attributes:
        file: path relative to the method's folder; safetensors only.
        sha256: SHA-256 of the file, checked whenever it is loaded.
        trained_on: training data.
        licence: licence of the weights.
    """

    file: Text
    sha256: str
    trained_on: Text
    licence: Text

    @field_validator("sha256")
    @classmethod
    def _whole(cls, sha256: str) -> str:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
            raise ValueError(
                f"{sha256!r} is not a SHA-256, which has 64 digits from 0 to f; 'sha256sum FILE' prints it"
            )
        return sha256

    @field_validator("file")
    @classmethod
    def _safe(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.suffix != ".safetensors":
            raise ValueError(f"{file} is refused: weights must be .safetensors, because pickled files can run code")
        if path.is_absolute() or ".." in path.parts or "\\" in file:
            raise ValueError(f"{file} is not in the method's own folder")
        return file


class Citation(_Part):
    """Publication that describes the method."""

    authors: Text
    title: Text
    year: Annotated[int, Field(strict=True)]
    doi: str = ""


class Manifest(_Part):
    """Content of `plugin.toml`.

    Attributes:
        id: identifier in folders, on the command line and in provenance.
        title: name shown to users.
        purpose: one-line description of what the method is for.
        version: version of the method.
        api: version of the method interface that the method was written for.
        entry: `module:Class` in the folder of the method.
        device: devices on which the method can run.
        needs_sinogram: whether the method works on sinograms.
        outputs: intermediate images that the method provides, from `OUTPUTS`.
        memory_mb: memory in MB for one slice of a batch; it limits the batch size.
        needs_weights: whether the method must be trained before it can run.
        learns_from_scan: whether a run first trains on the scan that it corrects.
        fewest_clean: minimum number of slices without metal that a scan needs for this training.
        code: id of the bundled method that provides the code, if this method only adds weights.
        python: path of another interpreter for the method, relative to its folder.
        weights: weights files of the method.
        citation: publication that describes the method.
    """

    id: Annotated[str, _shaped(r"[a-z][a-z0-9_]*", _NO_IDENTIFIER)]
    title: Text
    purpose: str = ""
    version: Text
    api: Whole
    entry: ClassPath
    device: Literal["cpu", "cuda", "any"] = "any"
    needs_sinogram: Flag = True
    outputs: tuple[str, ...] = ("result",)
    memory_mb: Whole = 64
    needs_weights: Flag = False
    learns_from_scan: Flag = False
    fewest_clean: Whole = 1
    code: Annotated[str, _shaped(r"([a-z][a-z0-9_]*)?", _NO_IDENTIFIER)] = ""
    python: str = ""
    weights: tuple[Weights, ...] = ()
    citation: Citation | None = None

    @field_validator("outputs")
    @classmethod
    def _known(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        for name in outputs:
            if name not in OUTPUTS:
                raise ValueError(no_output(name))
        return outputs

    @model_validator(mode="after")
    def _speaks_this_contract(self) -> "Manifest":
        if self.api > API_VERSION:
            raise ValueError(
                f"it was written for version {self.api} of the method contract, but this marview supports version "
                f"{API_VERSION}; update marview"
            )
        return self


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the method in a folder.

    Raises:
        BadInput: the folder contains no manifest, or the manifest is invalid; the message names each invalid field.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate(read_toml(path))
    except FileNotFoundError as error:
        lacks = f"{path} is a broken link" if path.is_symlink() else f"{folder} contains no {MANIFEST}"
        raise BadInput(f"{lacks}. A method is a folder with a {MANIFEST}.") from error
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise BadInput(f"{path} cannot be read ({reason}). A method is a folder with a {MANIFEST}.") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {wrong_field(error, Manifest)}") from error
    except ValueError as error:
        raise BadInput(f"{path} is not a TOML file: {error}.") from error


def code_folder(folder: Path, manifest: Manifest) -> Path:
    """Return the folder that contains the code and the recipes of a method."""
    return bundled_plugins() / manifest.code if manifest.code else folder


def no_output(name: str) -> str:
    """Return the error message for a name that is not in `OUTPUTS`."""
    return f"{name!r} is not an output; choose from {', '.join(OUTPUTS)}"


def outputs_line(names: Collection[str]) -> str:
    """Return the `outputs` line of a manifest for the given output names."""
    listed = ", ".join(f'"{name}"' for name in OUTPUTS if name in names)
    return f"outputs = [{listed}]"


def wrong_field(error: ValidationError, model: type[BaseModel]) -> str:
    """Describe a validation error: the name of each invalid field, the reason and the given value.

    Unknown names come first. If an unknown name looks like a misspelling of a missing field, the missing
    field is not reported separately.

    Args:
        error: validation error of pydantic.
        model: model that rejected the values; for an unknown name, the message suggests a similar field of
            this model.
    """
    errors = error.errors(include_url=False)
    unknown = [each for each in errors if each["type"] == "extra_forbidden"]
    meant = {(*each["loc"][:-1], name) for each in unknown for name in _similar(each["loc"], model)}
    others = [
        each
        for each in errors
        if each["type"] != "extra_forbidden" and not (each["type"] == "missing" and each["loc"] in meant)
    ]
    return " ".join(_sentence(each, model) for each in [*unknown, *others])


def _sentence(error: "ErrorDetails", model: type[BaseModel]) -> str:
    """Describe one error of a field."""
    field = _field(error["loc"])
    if error["type"] == "missing":
        return f"{field} is missing."
    if error["type"] == "extra_forbidden":
        *tables, given = error["loc"]
        if tables and given in model.model_fields:
            heading = f"[[{tables[0]}]]" if isinstance(tables[-1], int) else f"[{tables[0]}]"
            return f"{given} belongs above {heading}, because every line below a heading belongs to its table."
        return f"There is no field {field}." + "".join(
            f" Did you mean {name}?" for name in _similar(error["loc"], model)
        )
    if error["type"] == "tuple_type" and isinstance(error["input"], dict):
        return f"{field} must be a list of tables. Start each table with the heading [[{field}]]."
    if error["type"] == "value_error":
        return f"{field}: {must_be(error)}." if field else f"{must_be(error)}."
    return f"{field} {must_be(error)}, not {error['input']!r}."


def _similar(place: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the field that an unknown name resembles, if there is one."""
    return difflib.get_close_matches(str(place[-1]), _names_beside(place, model), n=1)


def _names_beside(place: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the field names that are allowed in the table of a field."""
    tables: list[type[BaseModel]] = [model]
    for part in place[:-1]:
        fields = [table.model_fields[part] for table in tables if part in table.model_fields]
        if fields:  # other parts are indices of a list, or tags of a union
            tables = [each for field in fields for each in _models(field.annotation)]
    return [name for table in tables for name in table.model_fields]


def _models(kind: Any) -> list[type[BaseModel]]:
    """Return the pydantic models in a type, such as `tuple[Weights, ...]`."""
    if isclass(kind) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in _models(part)]


def _field(place: tuple[int | str, ...]) -> str:
    """Return the name of a field, such as `weights.sha256`; in a list, add the number of the table, from 1."""
    match place:
        case (str(table), int(index), str(name)):
            return f"{name} in [[{table}]] table {index + 1}"
    return ".".join(str(part) for part in place)
