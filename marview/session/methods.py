"""The installed methods, and the parameters that the user has chosen for each of them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from psygnal import Signal

from marview.mar.discovery import Listing, discover
from marview.session.background import Background
from marview.session.messages import Messages
from marview.session.settings import Settings

FIRST = "nmar"


class Describer(Protocol):
    """Object that describes parameters and devices, such as `marview.mar.runner.MarWorker`."""

    def describe(self, method: str) -> dict[str, Any]:
        """Return the JSON schema of a method's parameters."""

    def devices(self) -> list[dict[str, Any]]:
        """Return the compute devices of this computer."""


class Methods:
    """Installed methods, read from their manifests.

    The parameters of the methods are known once the worker has started.

    Attributes:
        device: compute device for the methods.
        restores_cut_off: whether dark streaks that are clipped in the file are restored before a method
            runs.

    Events on the window's thread: `listed()` when the installed methods are known, `chosen()` when
    another method is chosen, `described(id)` when the parameters of a method are known, and
    `found_devices()` when the compute devices are known.
    """

    listed = Signal()
    chosen = Signal()
    described = Signal(str)
    found_devices = Signal()

    def __init__(
        self,
        background: Background,
        messages: Messages,
        settings: Settings,
        describer: Callable[[], Describer],
        listings: Callable[[], list[Listing]] = discover,
    ) -> None:
        self.listings: tuple[Listing, ...] = ()
        self.current: Listing | None = None
        self.devices: tuple[Mapping[str, Any], ...] = ()
        self.device = "auto"
        self.restores_cut_off = True
        self._find = listings
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._refusals: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._asked: set[str] = set()
        self._background = background
        self._messages = messages
        self._settings = settings
        self._describer = describer

    @property
    def usable(self) -> tuple[Listing, ...]:
        """Return the methods that can run."""
        return tuple(one for one in self.listings if one.is_usable)

    def learns_from(self, clean_slices: int) -> bool:
        """Return whether a run of the chosen method starts with training, given the number of slices without metal."""
        manifest = self.current.manifest if self.current is not None else None
        return manifest is not None and manifest.learns_from_scan and clean_slices >= manifest.fewest_clean

    def look(self) -> None:
        """Find the installed methods without running their code."""
        self._background.run(lambda: tuple(self._find()), self._take, self._messages.error)

    def choose(self, method: str) -> None:
        """Choose a method."""
        listing = next((one for one in self.usable if one.id == method), None)
        if listing is None or listing is self.current:
            return
        self.current = listing
        self._settings.method = method
        self.chosen.emit()
        if self._asked:
            self._describe(method)

    def warm(self) -> None:
        """Start the worker before the first run, and request devices and parameters from it."""
        if self._asked or self.current is None:
            return
        self._describe(self.current.id)
        self._background.run(lambda: tuple(self._describer().devices()), self._take_devices, self._messages.error)

    def schema(self, method: str) -> Mapping[str, Any] | None:
        """Return the JSON schema of a method's parameters; None while unknown."""
        return self._schemas.get(method)

    def refusal(self, method: str) -> str:
        """Return the reason why a method's parameters could not be read; empty if there is none."""
        return self._refusals.get(method, "")

    def subtracts(self, method: str) -> bool:
        """Return whether a method shows the artifact image that it subtracts, instead of a prior image."""
        listing = next((one for one in self.listings if one.id == method), None)
        outputs = listing.manifest.outputs if listing is not None and listing.manifest is not None else ()
        return "artifact" in outputs and "prior" not in outputs

    def values(self, method: str) -> dict[str, Any]:
        """Return the parameters that differ from their defaults."""
        return dict(self._values.get(method, {}))

    def set_value(self, method: str, name: str, value: Any) -> None:
        """Set a parameter of a method; default values are not stored."""
        values = self._values.setdefault(method, {})
        properties = (self._schemas.get(method) or {}).get("properties", {})
        if properties.get(name, {}).get("default") == value:
            values.pop(name, None)
        else:
            values[name] = value

    def restore(self, method: str, values: Mapping[str, Any]) -> None:
        """Choose a method and restore its stored parameters, unless the method is no longer installed."""
        if any(one.id == method for one in self.usable):
            self._values[method] = dict(values)
            self.choose(method)
            self.described.emit(method)

    def reset_values(self, method: str) -> None:
        """Reset the parameters to their defaults."""
        self._values.pop(method, None)
        self.described.emit(method)

    def _take(self, listings: tuple[Listing, ...]) -> None:
        self.listings = listings
        wanted = [self._settings.method, FIRST, *(one.id for one in self.usable)]
        ids = {one.id: one for one in self.usable}
        self.current = next((ids[name] for name in wanted if name in ids), None)
        self.listed.emit()
        self.chosen.emit()

    def _take_devices(self, devices: tuple[Mapping[str, Any], ...]) -> None:
        self.devices = devices
        self.found_devices.emit()

    def _describe(self, method: str) -> None:
        if method in self._asked:
            return
        self._asked.add(method)

        def done(schema: dict[str, Any]) -> None:
            self._schemas[method] = schema
            self.described.emit(method)

        def failed(sentence: str) -> None:
            self._refusals[method] = sentence
            self.described.emit(method)

        self._background.run(lambda: self._describer().describe(method), done, failed)
