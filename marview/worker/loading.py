"""Load the code, the parameters and the weights of a method from its folder."""

import hashlib
import importlib
import inspect
import stat
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from marview.errors import MethodFailed, UsageError
from marview.mar.manifest import MANIFEST, Manifest, code_folder, read_manifest, wrong_field
from marview.mar.parameter_schema import without_field
from marview.methods.api import Method
from marview.worker.method_errors import as_sentence, place


class Weights(dict[str, Tensor]):
    """Tensors of a weights file, keyed by name, with the file's `path` for error messages."""

    def __init__(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        super().__init__(tensors)
        self.path = path


class LoadedMethod:
    """An imported method: `manifest`, `folder`, `code` (the folder of its modules) and the `method` object.

    The modules are imported as a package named after the folder, inside a package for the parent folder.
    Relative imports can therefore reach the method's own modules and other methods in the same parent
    folder, without changing `sys.path`.
    """

    def __init__(self, folder: Path) -> None:
        """Import the method in a folder.

        Raises:
            BadInput: the manifest is wrong.
            MethodFailed: the class cannot be imported, or is not a method.
        """
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self.code = code_folder(folder, self.manifest)
        self.method: Method = made_in(self.code, self.manifest.entry)
        if faults := list(_faults(self.method)):
            raise MethodFailed(f"The method {self.manifest.id} cannot be loaded. {' '.join(faults)}")

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the method's parameters, each with a default.

        Raises:
            UsageError: a default is not a valid value of its parameter.
        """
        schema = self.method.Parameters.model_json_schema()
        defaults = self.parameters({}).model_dump(mode="json", by_alias=True)
        for name, field in schema.get("properties", {}).items():
            field.setdefault("default", defaults.get(name))  # the schema lacks defaults that a function returns
        return schema

    def parameters(self, values: dict[str, Any]) -> BaseModel:
        """Validate parameter values, and return the method's parameters with defaults for missing values.

        Raises:
            UsageError: a name is unknown or a value is not valid.
        """
        known = self.method.Parameters.model_fields
        unknown = sorted(set(values) - set(known))
        if unknown:
            has = f"Its parameters are {', '.join(known)}." if known else "It has no parameters."
            raise UsageError(f"The method {self.manifest.id} has no parameter {unknown[0]!r}. {has}")
        try:
            return self.method.Parameters.model_validate(
                {name: _choice(known[name].annotation, value) for name, value in values.items()}
            )
        except ValidationError as error:
            raise UsageError(
                f"The method {self.manifest.id} cannot use these values: {wrong_field(error, self.method.Parameters)}"
            ) from error

    def weights(self, file: str, device: str) -> Weights:
        """Read the tensors of a weights file that the manifest lists, keyed by name.

        Raises:
            MethodFailed: the file is not in the manifest, its hash differs, or it is damaged.
        """
        path = self._checked(file)
        try:
            return Weights(load_file(path, device=device), path)
        except Exception as error:
            raise MethodFailed(
                f"The weights {file} of {self.manifest.id} are not a readable safetensors file ({error}). "
                "Install the method again."
            ) from error

    def about_weights(self, file: str) -> dict[str, str]:
        """Read the metadata of a weights file as a mapping from names to values.

        Raises:
            MethodFailed: as for `weights`.
        """
        path = self._checked(file)
        try:
            with safe_open(path, framework="pt") as opened:
                return dict(opened.metadata() or {})
        except Exception as error:
            raise MethodFailed(
                f"The weights {file} of {self.manifest.id} are not a readable safetensors file ({error}). "
                "Install the method again."
            ) from error

    def check_weights(self) -> None:
        """Check all weights files of the method against the hashes in the manifest.

        Raises:
            MethodFailed: a file is missing or its hash differs.
        """
        for each in self.manifest.weights:
            self._checked(each.file)

    def _checked(self, file: str) -> Path:
        named = {each.file: each.sha256.lower() for each in self.manifest.weights}
        if file not in named:
            names = ", ".join(named) or "no weights"
            same = "Use the same name in both, or describe" if named else "Describe"
            raise MethodFailed(
                f"The method {self.manifest.id} asks for the weights {file}, but its {MANIFEST} names {names}. {same} "
                f"the file in a [[weights]] table of {MANIFEST}."
            )
        path = self.folder / file
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would block
                raise OSError(0, "it is not a regular file")
            digest = _sha256(path, status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise MethodFailed(
                f"The weights {path} cannot be read: {error.strerror}. Put the file there, or correct `file` in "
                f"{MANIFEST}; if the method is not yours, install it again."
            ) from error
        if digest != named[file]:
            raise MethodFailed(
                f"The weights {path} are refused: their sha256 is {digest}, but {MANIFEST} says {named[file]}. If you "
                f"made these weights, write their sha256 into {MANIFEST}; otherwise install the method again."
            )
        return path


@lru_cache(maxsize=64)
def _sha256(path: Path, _modified_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _load(folder: Path, _changed: tuple[tuple[str, int], ...]) -> LoadedMethod:
    prefix = _package(folder)
    for name in [name for name in sys.modules if name == prefix or name.startswith(f"{prefix}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return LoadedMethod(folder)


def load_method(folder: Path) -> LoadedMethod:
    """Load the method in a folder; import it again if one of its files has changed.

    Raises:
        BadInput: the manifest is wrong.
        MethodFailed: the code cannot be imported, or does not define a method.
    """
    folder = folder.resolve()
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".toml"} and path.exists())
    return _load(folder, tuple((str(path), path.stat().st_mtime_ns) for path in files))


def refuse_pipes(folder: Path) -> None:
    """Refuse a method with a module that is not a regular file, because reading a pipe would block.

    Raises:
        MethodFailed: a *.py file in the folder is a pipe, a socket or a device.
    """
    for path in sorted(folder.rglob("*.py")):
        if path.exists() and not path.is_file() and not path.is_dir():
            raise MethodFailed(
                f"The method {folder.name} cannot be loaded: {path.relative_to(folder).as_posix()} is not a regular "
                "file. Replace it with a Python file."
            )


def made_in(folder: Path, entry: str, named_in: str = f"{MANIFEST}: entry") -> Any:
    """Import a class from a method's folder, and create an instance without arguments.

    Args:
        folder: folder of the method.
        entry: `module:Class`.
        named_in: file and field that contain `entry`, for messages.

    Raises:
        MethodFailed: the class cannot be imported or instantiated.
    """
    refuse_pipes(folder)
    module_name, _, class_name = entry.partition(":")
    path = f"{module_name.replace('.', '/')}.py"
    try:
        module = importlib.import_module(f"{_package(folder.resolve())}.{module_name}")
        found = getattr(module, class_name, None)
        if isinstance(found, type):
            return found()
    except (Exception, SystemExit) as error:
        is_missing = isinstance(error, ModuleNotFoundError) and not place(error, folder)
        if is_missing and not (folder / path).exists() and not (folder / path).with_suffix("").exists():
            why = f"{named_in} names {path}, which is not in the folder."
            raise MethodFailed(f"The method {folder.name} cannot be loaded. {why}") from error
        raise MethodFailed(f"The method {folder.name} cannot be loaded: {_why(error, folder, entry)}") from error
    classes = [name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__]
    classes = [name for name in classes if isinstance(getattr(module, name), type)]
    raise MethodFailed(
        f"The method {folder.name} cannot be loaded. {named_in} names the class {class_name}, but {path} has no such "
        f"class; it has {', '.join(classes) or 'none'}."
    )


def _why(error: BaseException, folder: Path, entry: str) -> str:
    """Return a message that says why the class of a method could not be loaded, and what to do."""
    said = as_sentence(error, folder)
    if place(error, folder):
        return said
    if isinstance(error, TypeError) and "argument" in str(error):
        return f"{said} marview creates the class without arguments."
    return f"{said} Its entry is {entry!r}."


def _faults(method: Method) -> Iterator[str]:
    """Return one message for each reason why an object is not a method."""
    name = type(method).__name__
    if not callable(getattr(method, "run", None)):
        yield f"The class {name} has no run(self, case, parameters, job)."
    elif not _takes_three(method.run):
        yield f"run of the class {name} must take (self, case, parameters, job)."
    model = getattr(method, "Parameters", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        yield f"The class {name} has no pydantic model Parameters."
        return
    required = [each for each, field in model.model_fields.items() if field.is_required()]
    if len(required) == 1:
        yield f"The parameter {required[0]} has no default. Give one: Field(default, ...)."
    elif required:
        yield f"The parameters {', '.join(required)} have no default. Give each of them one: Field(default, ...)."
    else:
        yield from _wrong_default(model)


def _wrong_default(model: type[BaseModel]) -> Iterator[str]:
    """Return a message about an invalid default, or an empty string; pydantic itself does not check defaults."""
    checked = type(model.__name__, (model,), {"model_config": {"validate_default": True}, "__module__": __name__})
    try:
        checked()
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_url=False) if each["loc"]}
        no_field: dict[str, str] = {}
        with suppress(PydanticUserError):  # a type without a JSON schema
            no_field = without_field(model.model_json_schema())
        hints = [sentence for name, sentence in no_field.items() if name in wrong]
        yield " ".join(["A default does not fit its parameter:", wrong_field(error, model), *hints])


def _takes_three(run: Callable[..., Any]) -> bool:
    """Return whether `run` accepts a case, parameters and a job as arguments; True if its signature is unknown."""
    try:
        inspect.signature(run).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _package(folder: Path) -> str:
    """Return the package name of a method's folder, and create the package of the parent folder if necessary."""
    parent = f"marview_methods_{hashlib.sha256(str(folder.parent).encode()).hexdigest()[:12]}"
    if parent not in sys.modules:
        package = types.ModuleType(parent, f"Methods in {folder.parent}.")
        package.__path__ = [str(folder.parent)]
        sys.modules[parent] = package
    return f"{parent}.{folder.name}"


def _choice(kind: Any, value: Any) -> Any:
    """Convert a number to text if the parameter is a choice of words, because the command line parses `tube_kv=100`."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and get_origin(kind) is Literal and str(value) in get_args(kind) else value
