"""Parameters of a method given as `--set name=value`."""

import json
from collections.abc import Sequence
from typing import Any

from marview.errors import UsageError


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Parse `name=value` arguments into names and values; the worker checks them against the method.

    Raises:
        UsageError: an argument does not have this form, or a name occurs twice.

    Examples:
        >>> parse_settings(["sigma_mm=3.8", "prior_source=auto"])
        {'sigma_mm': 3.8, 'prior_source': 'auto'}
    """
    parameters: dict[str, Any] = {}
    for word in settings:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set takes NAME=VALUE, not '{word}'.")
        if name.strip() in parameters:
            raise UsageError(f"--set gives {name.strip()} twice.")
        parameters[name.strip()] = _value(value.strip())
    return parameters


def parse_settings_by_method(settings: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parse `METHOD.NAME=VALUE` arguments into parameters by method; `METHOD.` is optional for a single method.

    Raises:
        UsageError: an argument does not have this form, a name occurs twice, or a method is not among
            `methods`.

    Examples:
        >>> parse_settings_by_method(["nmar.sigma_mm=3.8"], ["linear_interpolation", "nmar"])
        {'nmar': {'sigma_mm': 3.8}}
    """
    parameters: dict[str, dict[str, Any]] = {}
    for name, value in parse_settings(settings).items():
        method, dot, rest = name.rpartition(".")
        if not dot and len(methods) != 1:
            raise UsageError(
                f"--set {name} does not say which method it is for. Use, for example, --set {methods[0]}.{name}=VALUE."
            )
        if dot and method not in methods:
            raise UsageError(f"--set {name}: {method} is not one of the methods, {', '.join(methods)}.")
        parameters.setdefault(method or methods[0], {})[rest] = value
    return parameters


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
