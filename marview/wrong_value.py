"""Explain in plain words which values pydantic accepts."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {
    "bool": "true or false",
    "dict": "a table",
    "finite": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a table",
    "string": "text in quotation marks",
    "tuple": "a list",
}
"""Expected values, keyed by the first word of the type of pydantic's error."""


def must_be(error: "ErrorDetails") -> str:
    """Return the rule that a value violates, such as "must be 1 or more".

    For rare errors, return pydantic's own text.
    """
    limits = error.get("ctx", {})
    if isinstance(error["input"], float) and math.isnan(error["input"]):
        return "must be a finite number"
    match error["type"]:
        case "greater_than_equal":
            return f"must be {limits['ge']:g} or more"
        case "greater_than":
            return f"must be more than {limits['gt']:g}"
        case "less_than_equal":
            return f"must be {limits['le']:g} or less"
        case "less_than":
            return f"must be less than {limits['lt']:g}"
        case "literal_error" | "enum":
            return f"must be {limits['expected']}"
        case "string_too_short":
            return "must not be empty"
        case "too_short":
            return f"must have at least {limits['min_length']} values"
        case "too_long":
            return f"must have at most {limits['max_length']} values"
        case kind if what := _KINDS.get(kind.partition("_")[0]):
            return f"must be {what}"
    words = error["msg"].removeprefix("Value error, ").rstrip(".")
    return words.replace("Input should be", "must be", 1)


def one_of(values: Sequence[str]) -> str:
    """Join alternatives for a sentence.

    Examples:
        >>> one_of(["auto", "cpu", "cuda"])
        'auto, cpu or cuda'
    """
    *first, last = values
    return f"{', '.join(first)} or {last}" if first else last
