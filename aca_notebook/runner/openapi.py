"""OpenAPI 3.1 from the functions' own annotations."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import msgspec

from aca_notebook.runner import tables
from aca_notebook.runner.signature import decodable, is_array_hint, wanted_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.runner.services import Service, Services

REFERENCE = "#/components/schemas/{name}"
ERRORS = {401: "The key is missing or wrong", 422: "The arguments do not fit", 500: "The function raised"}


def describe(services: Services, title: str) -> dict[str, Any]:
    """Return the OpenAPI document of everything a bundle serves."""
    listed = list(services.by_path.values())
    described = [decodable_result(service) for service in listed]
    schemas, components = schemas_of([s.signature.described for s in listed] + described)
    paths: dict[str, Any] = {}
    for service, takes, gives in zip(listed, schemas[: len(listed)], schemas[len(listed) :], strict=True):
        paths[f"/{service.path}"] = {"post": operation(service, service.path.replace("/", "_"), takes, gives)}
        if service.path == services.entry:
            paths["/"] = {"post": operation(service, "entry", takes, gives)}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": ERROR_SCHEMA},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"key": []}, {"bearer": []}],
    }


ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "type": {"type": "string"},
                "module": {"type": "string"},
                "hint": {"type": "string"},
                "traceback": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}


def operation(service: Service, name: str, takes: dict[str, Any], gives: dict[str, Any]) -> dict[str, Any]:
    """Describe one call."""
    summary, _, description = service.doc.partition("\n")
    bodies: dict[str, Any] = {"application/json": {"schema": takes}}
    if service.signature.parameters:
        binary = {"schema": {"type": "string", "format": "binary"}}
        bodies |= {tables.NPY: binary, tables.ARROW: binary, "multipart/form-data": {"schema": takes}}
    failures = {
        str(status): {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in ERRORS.items()
    }
    return {
        "operationId": name,
        "summary": summary or service.path,
        **({"description": description.strip()} if description.strip() else {}),
        "requestBody": {"required": bool(service.signature.required), "content": bodies},
        "responses": {
            "200": {"description": "The result", "content": {"application/json": {"schema": gives}}},
            **failures,
        },
    }


def decodable_result(service: Service) -> Any:
    """Return the type a function gives back, or `Any` where JSON Schema has no word for it."""
    return decodable(service.signature.returns)


def schemas_of(types: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return a JSON schema for each type and the components they share."""
    found, components = msgspec.json.schema_components(types, schema_hook=foreign_schema, ref_template=REFERENCE)
    return list(found), components


def foreign_schema(hint: Any) -> dict[str, Any]:
    """Describe what JSON Schema does not know: arrays and frames; anything else takes any JSON."""
    kind = typing.get_origin(hint) or hint
    if is_array_hint(hint):
        return {"type": "array", "items": {}, "description": "numpy array: nested lists, or application/x-npy"}
    if wanted_frame(hint) == "series":
        return {"type": "array", "items": {}, "description": "pandas Series: a list, or an Arrow stream"}
    if wanted_frame(hint):
        return {
            "type": "array",
            "items": {"type": "object"},
            "description": "frame: a list of rows, or an Arrow stream",
        }
    if callable(schema := getattr(kind, "model_json_schema", None)):
        described: dict[str, Any] = schema()
        return described
    return {}
