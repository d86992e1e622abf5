"""Choose the window's input field for each parameter of a method, based on the JSON schema of the parameters."""

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["choice", "boolean", "integer", "number", "string", "list"]

_ITEMS = ("integer", "number", "string")
"""Item types of lists that the window can edit."""


def resolved(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property of the schema with references resolved and Optional removed."""
    made = dict(rule)
    for key in ("allOf", "anyOf"):
        for part in made.pop(key, []):
            if part.get("type") != "null":
                made = {**part, **made}
    reference = made.pop("$ref", "")
    if reference:
        target = schema.get("$defs", {}).get(reference.rpartition("/")[2], {})
        made = {**target, **made}
    return made


def field_kind(rule: Mapping[str, Any]) -> Kind | None:
    """Return the type of input field for a resolved property; None if only the command line can set it."""
    if "enum" in rule:
        return "choice"
    match rule.get("type"):
        case "boolean":
            return "boolean"
        case "integer":
            return "integer"
        case "number":
            return "number"
        case "string":
            return "string"
        case "array" if item_type(rule):
            return "list"
    return None


def item_type(rule: Mapping[str, Any]) -> str:
    """Return the item type of a list: "integer", "number" or "string"; empty for other or mixed types."""
    types = {item.get("type") for item in [rule.get("items") or {}, *rule.get("prefixItems", ())] if item}
    return types.pop() if len(types) == 1 and types <= set(_ITEMS) else ""


def without_field(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return a message for each parameter that the window cannot show, keyed by the name of the parameter."""
    rules = {name: resolved(rule, schema) for name, rule in schema.get("properties", {}).items()}
    return {
        name: f"The window has no field for the parameter {name}, because its type is {_type(rule)}; only the command "
        "line can set it. The window shows int, float, bool, str, Literal, and lists of numbers or words."
        for name, rule in rules.items()
        if field_kind(rule) is None
    }


def _type(rule: Mapping[str, Any]) -> str:
    """Return the Python type of a resolved property, such as "dict"."""
    kind = str(rule.get("type", "mixed"))
    return {"object": "dict", "array": "a list of other values"}.get(kind, kind)
