"""Checks of JSON against the part of JSON Schema that the package uses; any other keyword is refused."""

from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
NOTES = {"$schema", "$defs", "title", "description"}
KEYWORDS = {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "minItems", "minLength", "minimum",
    "maximum",
}  # fmt: skip


def violations(
    value: object, schema: dict[str, Any], root: dict[str, Any] | None = None, where: str = "$"
) -> list[str]:
    """What breaks the schema, with its place in the value."""
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if unknown := schema.keys() - KEYWORDS - NOTES:
        raise ValueError(f"The keywords {sorted(unknown)} are not checked here.")
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if isinstance(value, bool) or not any(isinstance(value, TYPES[name]) for name in types):
        return [f"{where} is {value!r} and no {' or '.join(types)}"]
    found = []
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{where} lacks {key}" for key in schema.get("required", []) if key not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{where} has {key}" for key in value.keys() - properties.keys()]
        for key in value.keys() & properties.keys():
            found += violations(value[key], properties[key], root, f"{where}.{key}")
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where} has {len(value)} items")
        for place, item in enumerate(value):
            found += violations(item, schema["items"], root, f"{where}[{place}]")
    elif isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            found.append(f"{where} is too short")
    elif value is not None and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where} is {value}")
    return found
