"""The methods that are installed, and the parameters chosen for each."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from psygnal import Signal

from marview.mar.discovery import Listing, discover
from marview.session.background import Background
from marview.session.messages import Messages
from marview.session.settings import Settings

FIRST = "nmar"


class Describer(Protocol):
    """What knows parameters and devices; `marview.mar.runner.MarWorker` is one."""

    def describe(self, method: str) -> dict[str, Any]:
        """JSON schema of a method's parameters."""

    def devices(self) -> list[dict[str, Any]]:
        """What this machine can compute on."""


class Methods:
    """Lists methods by their manifests at once; their parameters come from the worker when it is warm.

    Events, on the window's thread: `listed()`, `chosen()` when another method is chosen, `described(id)` when the
    parameters of a method are known, `found_devices()`.
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
        """Methods that can be run."""
        return tuple(one for one in self.listings if one.is_usable)

    def learns_from(self, clean_slices: int) -> bool:
        """Whether a run of the chosen method learns first from a scan with so many slices without metal."""
        manifest = self.current.manifest if self.current is not None else None
        return manifest is not None and manifest.learns_from_scan and clean_slices >= manifest.fewest_clean

    def look(self) -> None:
        """Find what is installed; no code of a method is run."""
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
        """Start the worker, so that the first run need not wait, and ask it what it knows."""
        if self._asked or self.current is None:
            return
        self._describe(self.current.id)
        self._background.run(lambda: tuple(self._describer().devices()), self._take_devices, self._messages.error)

    def schema(self, method: str) -> Mapping[str, Any] | None:
        """JSON schema of a method's parameters; None while it is not known."""
        return self._schemas.get(method)

    def refusal(self, method: str) -> str:
        """Why a method's parameters cannot be known; empty otherwise."""
        return self._refusals.get(method, "")

    def values(self, method: str) -> dict[str, Any]:
        """Parameters that differ from their defaults."""
        return dict(self._values.get(method, {}))

    def set_value(self, method: str, name: str, value: Any) -> None:
        """Choose a parameter; one that is as its default is left out."""
        values = self._values.setdefault(method, {})
        properties = (self._schemas.get(method) or {}).get("properties", {})
        if properties.get(name, {}).get("default") == value:
            values.pop(name, None)
        else:
            values[name] = value

    def restore(self, method: str, values: Mapping[str, Any]) -> None:
        """Choose a method with parameters chosen before; one that is not installed any more is passed over."""
        if any(one.id == method for one in self.usable):
            self._values[method] = dict(values)
            self.choose(method)
            self.described.emit(method)

    def reset_values(self, method: str) -> None:
        """Go back to the defaults."""
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
