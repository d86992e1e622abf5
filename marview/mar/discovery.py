"""Find bundled methods, methods in the user's folders and methods in packages, without importing their code."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import platformdirs

from marview.errors import BadInput, UsageError
from marview.mar.faults import missing_weights, not_trained, wrong_entry
from marview.mar.manifest import MANIFEST, Manifest, read_manifest
from marview.mar.ownership import opened_to_others
from marview.paths import bundled_plugins
from marview.small_text import read_toml
from marview.text import meant, translatable

ENTRY_POINTS = "marview.methods"
SEARCH_PATH = "MARVIEW_PLUGINS"
"""Environment variable with further folders of methods, separated as in PATH."""

BUNDLED, INSTALLED = translatable("bundled"), translatable("installed")
"""Origins of the methods that come with marview, and of those in the user's folder."""

_PACKED = "[tool.setuptools.package-data] in pyproject.toml"


@dataclass(frozen=True)
class Listing:
    """An installed method, usable or not.

    Attributes:
        id: identifier; the folder's name if the manifest has none.
        folder: folder of the method.
        origin: "bundled", "installed" (in the user's folder), "MARVIEW_PLUGINS" or "package NAME".
        manifest: manifest of the method; None if it is invalid.
        error: reason why the method cannot be used (invalid manifest, code that cannot be imported, missing weights);
            empty if it can be used.
        replaces: methods with the same id that this one replaces, the most recently found first.
        unusable_copy: method with the same id that was found later and cannot run; only `marview train` uses it.
    """

    id: str
    folder: Path
    origin: str
    manifest: Manifest | None = None
    error: str = ""
    replaces: tuple["Listing", ...] = ()
    unusable_copy: "Listing | None" = None

    @property
    def name(self) -> str:
        """Id and origin for messages, such as "the bundled method nmar"."""
        match self.origin.split():
            case ["bundled"]:
                return f"the bundled method {self.id}"
            case ["installed"]:
                return f"the installed method {self.id}"
            case ["package", package]:
                return f"the method {self.id} from the package {package}"
        return f"the method {self.id} in {self.origin}"

    @property
    def notice(self) -> str:
        """Message about the method that this one replaces, or about its unusable copy; empty if there is neither."""
        if copy := self.unusable_copy:
            why = f"cannot be used: {copy.error}" if copy.error else "is not trained yet."
            return f"Runs use {self.name} ({self.folder}), because the copy in {copy.folder} {why}"
        if not self.replaces:
            return ""
        other = self.replaces[0]
        version = f" (version {other.manifest.version})" if other.manifest else ""
        name = f"{self.name[0].upper()}{self.name[1:]}"
        return f"{name} ({self.folder}) replaces {other.name}{version}."

    @property
    def untrained(self) -> str:
        """Message that explains how to train the method, if it has no weights yet; otherwise empty."""
        return "" if self.manifest is None else not_trained(self.manifest)

    @property
    def to_train(self) -> "Listing":
        """The method that `marview train` uses: the last method found with this id, even if it cannot run."""
        return self.unusable_copy or self

    @property
    def is_usable(self) -> bool:
        """Whether the method can run; only its files are checked."""
        return self.manifest is not None and not self.error and not self.untrained

    def as_record(self) -> dict[str, Any]:
        """Return the listing as a JSON-serialisable dictionary."""
        return {
            "id": self.id,
            "folder": str(self.folder),
            "origin": self.origin,
            "error": self.error,
            "untrained": self.untrained,
            "notice": self.notice,
            "manifest": None if self.manifest is None else self.manifest.model_dump(mode="json"),
        }


def user_plugins() -> Path:
    """Return the folder of the user's own methods, which has one subfolder per method."""
    return Path(platformdirs.user_data_dir("marview", appauthor=False)) / "plugins"


def discover() -> list[Listing]:
    """List all installed methods, sorted by title, including those that cannot be used.

    marview looks for methods in this order: bundled methods, the user's folder, the folders in
    `MARVIEW_PLUGINS`, and packages in the entry-point group `marview.methods`. A later method replaces an
    earlier one with the same id, unless the manifest of the later method is invalid, or only the earlier
    method can run.
    """
    found: dict[str, Listing] = {}
    broken: list[Listing] = []
    for listing in _all():
        if listing.manifest is None:
            broken.append(listing)
            continue
        earlier = found.get(listing.id)
        if earlier is not None and earlier.is_usable and not listing.is_usable:
            found[listing.id] = replace(earlier, unusable_copy=listing)
            continue
        found[listing.id] = replace(listing, replaces=() if earlier is None else (earlier, *earlier.replaces))
    return sorted([*found.values(), *broken], key=_in_the_list)


def _in_the_list(listing: Listing) -> tuple[bool, str]:
    """Return the sort key of a method: its title, ignoring case; methods with a wrong manifest come last."""
    manifest = listing.manifest
    return manifest is None, (manifest.title if manifest else listing.id).casefold()


def search_path() -> list[Path]:
    """Return the folders listed in the environment variable `MARVIEW_PLUGINS`."""
    return [Path(place).absolute() for place in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if place]


def missing_folders() -> list[str]:
    """Return a message for each folder in `MARVIEW_PLUGINS` that does not exist."""
    return [f"{SEARCH_PATH} names {place}, which is not a folder." for place in search_path() if not place.is_dir()]


def users_own() -> list[Listing]:
    """List the methods in the user's folder, even if a method in `MARVIEW_PLUGINS` or a package replaces them."""
    return [each for each in _below(user_plugins(), INSTALLED) if each.folder != user_plugins()]


def find(method: str, listings: list[Listing]) -> Listing:
    """Return the method with the given identifier.

    Raises:
        UsageError: there is no such method, or its manifest is invalid.
    """
    same = [listing for listing in listings if listing.id == method]
    usable = [listing for listing in same if listing.manifest is not None]
    if usable:
        return usable[0]
    if same:
        raise UsageError(f"The method {method} cannot be used: {same[0].error}")
    known = ", ".join(sorted(listing.id for listing in listings if listing.manifest is not None)) or "none"
    closed = [listing.error for listing in listings if listing.manifest is None] if known == "none" else []
    question = meant(method, [listing.id for listing in listings if listing.manifest is not None])
    said = [f"There is no method {method!r}.{question} Installed methods: {known}.", *closed, *missing_folders()]
    raise UsageError(" ".join(said))


def find_usable(method: str, listings: list[Listing]) -> Listing:
    """Return the method with the given identifier, and check that it is trained.

    Raises:
        UsageError: as for `find`, or the method is not trained; the message says how to train it.
    """
    listing = find(method, listings)
    if listing.untrained:
        raise UsageError(listing.untrained)
    return listing


def _all() -> Iterator[Listing]:
    named = [(SEARCH_PATH, place) for place in search_path()]
    places = [(BUNDLED, bundled_plugins()), (INSTALLED, user_plugins()), *named]
    for origin, parent in places:
        yield from _below(parent, origin)
    for entry in _packages(_installed()):
        origin = f"package {entry.dist.name if entry.dist else entry.value}"
        package = _folder_of(entry.value)
        if package is None:
            sentence = f"The package {entry.value} is not installed as a folder with a {MANIFEST}. Install it unzipped."
            yield Listing(entry.name, Path(entry.value), origin, error=sentence)
        elif not (package / MANIFEST).exists():
            sentence = f"The package {entry.value} contains no {MANIFEST}. Include it as package data: {_PACKED}."
            yield Listing(entry.name, package, origin, error=sentence)
        else:
            yield _listing(package, origin)


def _installed() -> tuple[tuple[str, int], ...]:
    """Return the folders of packages with the time of their last change."""
    folders = [Path(place) for place in sys.path]
    return tuple((str(folder), folder.stat().st_mtime_ns) for folder in folders if folder.is_dir())


@lru_cache(maxsize=1)
def _packages(_installed: tuple[tuple[str, int], ...]) -> list[EntryPoint]:
    """Return the entry points of methods, keyed by name; cached, because reading them takes 20 ms."""
    return sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name)


def _below(parent: Path, origin: str) -> Iterator[Listing]:
    """Yield the methods in the subfolders of a folder, or the folder itself if it is a method.

    If a folder cannot be read, yield a listing with the error.
    """
    try:
        folders = [parent] if _holds(parent, MANIFEST) else sorted(parent.iterdir()) if parent.is_dir() else []
    except OSError as why:
        yield _closed(parent, origin, why)
        return
    for folder in folders:
        try:
            is_method = _holds(folder, MANIFEST)
            opened = opened_to_others(folder) if is_method and origin in {INSTALLED, SEARCH_PATH} else None
        except OSError as why:
            yield _closed(folder, origin, why)
            continue
        if opened is not None:
            yield Listing(_id_of(folder), folder, origin, error=not_safe(folder, opened))
        elif is_method:
            yield _listing(folder, origin)


def _holds(folder: Path, name: str) -> bool:
    """Return whether a folder contains this name; a pipe or a broken link counts too, and is refused later.

    Raises:
        OSError: the folder cannot be searched.
    """
    try:
        (folder / name).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def not_safe(folder: Path, opened: Path) -> str:
    """Return the message that a method is refused because other users can change the path `opened`."""
    remedy = f"chmod -R go-w {folder}" if opened.is_relative_to(folder) else f"chmod go-w {opened}"
    return (
        f"Other users can change {opened}, so marview does not use the method in {folder}. Remove their write "
        f"permission ({remedy}), or make yourself the owner."
    )


def _closed(folder: Path, origin: str, why: OSError) -> Listing:
    reason = (why.strerror or "no reason given").lower()
    sentence = (
        f"The folder {folder} cannot be read ({reason}). Add read permission for your user (chmod u+rx {folder})."
    )
    return Listing(folder.name, folder, origin, error=sentence)


def _listing(folder: Path, origin: str) -> Listing:
    try:
        manifest = read_manifest(folder)
    except BadInput as error:
        return Listing(_id_of(folder), folder, origin, error=str(error))
    broken = "" if origin == "bundled" else wrong_entry(folder, manifest)
    return Listing(manifest.id, folder, origin, manifest, broken or missing_weights(folder, manifest))


def _id_of(folder: Path) -> str:
    """Return the id in an invalid manifest or, without one, the folder's name."""
    try:
        said = read_toml(folder / MANIFEST).get("id")
    except (OSError, ValueError):
        return folder.name
    return said if isinstance(said, str) and said else folder.name


def _folder_of(package: str) -> Path | None:
    """Return the folder of a package without importing the package or its parents."""
    path: list[str] | None = None
    for part in package.partition(":")[0].split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None or not spec.submodule_search_locations:
            return None
        path = list(spec.submodule_search_locations)
    return Path(path[0]) if path else None
