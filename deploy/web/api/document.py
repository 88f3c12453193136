"""The OpenAPI 3.1 document of the operations, from their types."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from corridor import __version__
from deploy.results.descriptions import field_descriptions, nested_structs, summary
from deploy.web.operation import API, Operation
from deploy.web.problems import ProblemDetail
from deploy.web.searching.uploads import KINDS

REF = "#/components/schemas/{name}"

ERRORS = {
    "400": "A parameter is wrong; `detail` names it.",
    "401": "Log in, or send a token.",
    "403": "The role does not include this.",
    "404": "There is no such thing.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body is of another type.",
    "422": "The body is wrong; `detail` names the field.",
    "503": "The log cannot be reached just now.",
}


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Make the document of the operations under /api/v1."""
    shown = [operation for operation in operations if operation.is_api]
    bodies = [each.body for each in shown if each.upload is None]
    kinds = {kind for kind in (*(each.answer for each in shown), *bodies) if kind is not None}
    paths: dict[str, dict[str, Any]] = {}
    for operation in shown:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Corridor",
            "version": __version__,
            "description": "Vehicles across the cameras of a site. Within /api/v1 fields are only added.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas([*sorted(kinds, key=lambda kind: kind.__name__), ProblemDetail]),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _schemas(kinds: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    """The schema of every type, described by its docstring."""
    _, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    for kind in {each for top in kinds for each in nested_structs(top)}:
        schema, texts = schemas[kind.__name__], field_descriptions(kind)
        schema["description"] = summary(kind)
        for field in msgspec.structs.fields(kind):
            schema["properties"][field.encode_name]["description"] = texts[field.name]
    return schemas


def _operation(operation: Operation) -> dict[str, Any]:
    name = re.sub(r"[^a-z]+", "_", operation.path.removeprefix(API)).strip("_")
    example = f" Example: `{operation.example}`." if operation.example is not None else ""
    found: dict[str, Any] = {
        "summary": operation.summary,
        "description": f"Role: {operation.role.value if operation.role else 'none'}.{example}",
        "operationId": f"{operation.method.lower()}_{name}",
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "content": {operation.media: _content(operation)},
            },
            **{status: _error(words) for status, words in ERRORS.items()},
        },
    }
    if operation.upload is not None:
        found["requestBody"] = {"required": True, "content": {kind: {} for kind in KINDS}}
    elif operation.body is not None:
        schema = {"$ref": REF.format(name=operation.body.__name__)}
        shown = {} if operation.example_body is None else {"example": operation.example_body}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema, **shown}}}
    return found


def _content(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"schema": {"type": "string"}}
    return {"schema": {"$ref": REF.format(name=operation.answer.__name__)}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is None or not operation.query.__struct_fields__:
        return parameters
    properties = msgspec.json.schema(operation.query)["$defs"][operation.query.__name__]["properties"]
    texts = field_descriptions(operation.query)
    for field in msgspec.structs.fields(operation.query):
        schema = _without_null(properties[field.encode_name])
        parameters.append(
            {"name": field.encode_name, "in": "query", "description": texts[field.name], "schema": schema}
        )
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that is left out rather than null."""
    rest = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if not rest:
        return schema
    return rest[0] if len(rest) == 1 else {"anyOf": rest}


def _error(words: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=ProblemDetail.__name__)}
    return {"description": words, "content": {"application/problem+json": {"schema": schema}}}
