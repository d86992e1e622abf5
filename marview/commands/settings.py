"""Parameters of a method given as `--set name=value`."""

import json
from collections.abc import Sequence
from typing import Any

from marview.errors import UsageError


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Names and values of `name=value` words; the worker checks them against the method.

    Raises:
        UsageError: a word is not of that form, or a name comes twice.

    Example:
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


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
