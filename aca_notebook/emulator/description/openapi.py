"""The OpenAPI document, from the route table and what is said of each operation. Pure; built when asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.description.answers import ANSWERED
from aca_notebook.emulator.description.parameters import HEADERS, PATH, QUERIES, SECURITY
from aca_notebook.emulator.description.promises import REFUSAL, Answer
from aca_notebook.emulator.description.requests import NULL_TOO, TAKEN
from aca_notebook.emulator.description.schemas import answered, sent
from aca_notebook.emulator.wire import Door, Offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aca_notebook.emulator.wire import Route

Document = dict[str, Any]
_NAME = re.compile(r"\{\*?(\w+)\}")
_JSON = "application/json"
#: What may come of a method where nothing more is said of the operation.
_ANY: Mapping[str, Sequence[int]] = {
    "GET": (200, 202, 204), "PUT": (200, 201, 202), "PATCH": (200, 202), "DELETE": (200, 202, 204),
    "POST": (200, 201, 202, 204), "HEAD": (200, 204),
}  # fmt: skip
_WRITING = frozenset({"PUT", "PATCH", "POST", "DELETE"})
_SAID: Mapping[Offer, str] = {
    Offer.STORED: "Kept and answered; nothing acts on it.",
    Offer.REFUSED: "Refused in words: this emulator does not have it.",
}
_MEDIA: Mapping[str, str] = {
    "Blob_Get": "*/*", "DeviceCode_Page": "text/html", "LogStream": "text/plain", "JobLogStream": "text/plain",
    "EventStream": "text/plain", "EnvironmentEventStream": "text/plain",
}  # fmt: skip
_VERSIONED = frozenset({Door.ARM})


def describe(routes: Iterable[Route], *, version: str, url: str) -> Document:
    """Return the description of `routes`, served at `url` by this version of the emulator."""
    listed = list(routes)
    names = _operation_ids(listed)
    paths: dict[str, Document] = {}
    for route in listed:
        operation = _operation(route, names)
        if route.method == "PUT":
            operation["responses"] = _with_links(operation["responses"], route, listed, names)
        paths.setdefault(_path(route.template), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "The local Azure Container Apps of aca_notebook", "version": version},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": _schemas(listed),
            "headers": HEADERS,
            "responses": _refusals(),
            "securitySchemes": SECURITY,
        },
    }


def undescribed(routes: Iterable[Route]) -> set[str]:
    """Return the operations whose answers are not written down: a test says which may be."""
    return {route.operation for route in routes if route.offer is not Offer.REFUSED} - ANSWERED.keys()


def _operation(route: Route, names: Mapping[tuple[str, str], str]) -> Document:
    described: Document = {
        "operationId": names[route.method, route.template],
        "tags": [route.operation.partition("_")[0]],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.door is not Door.PUBLIC:
        described["security"] = [{str(route.door): []}]
    if route.operation in TAKEN:
        needed = any(name.endswith("!") for name in _table(route.operation))
        described["requestBody"] = {
            "required": needed,
            "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{route.operation}.taken"}}},
        }
    if route.offer in _SAID:
        described["description"] = _SAID[route.offer]
    return described


def _table(operation: str) -> Iterable[str]:
    shape = TAKEN[operation]
    return shape if isinstance(shape, dict) else ()


def _parameters(route: Route) -> list[Document]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": PATH.get(name, PATH["name"])}
        for name in _NAME.findall(route.template)
    ]
    if route.door in _VERSIONED:
        found.append({"name": "api-version", "in": "query", "required": True, "schema": PATH["api-version"]})
    for name, schema in QUERIES.get(route.operation, {}).items():
        found.append({"name": name, "in": "query", "required": False, "schema": schema})
    return found


def _responses(route: Route) -> Document:
    answers: Mapping[int, Answer] | None = ANSWERED.get(route.operation)
    if route.offer is Offer.REFUSED:
        answers = {501: REFUSAL}
    bodiless = route.method == "HEAD"
    made: Document = {}
    if route.upgrades:
        made["101"] = {"description": "From here on, frames."}
    elif answers is None:
        media = _MEDIA.get(route.operation, _JSON)
        for status in _ANY[route.method]:
            # Nobody has said what comes; only of a GET is it sure that something does.
            content: Document = {"content": {media: {}}} if route.method == "GET" and status == 200 else {}
            made[str(status)] = {"description": f"{status}", "headers": _headers(), **content}
    else:
        for status, answer in answers.items():
            made[str(status)] = _response(route, status, answer)
    made["4XX"] = {"$ref": f"#/components/responses/{'Unanswered' if bodiless else 'Refused'}"}
    if route.method in _WRITING:
        made["507"] = {"$ref": "#/components/responses/DiskFull"}
    return made


def _response(route: Route, status: int, answer: Answer) -> Document:
    headers = _headers() | {
        name: {"required": True, "schema": {"type": "string", "format": "uri"}} for name in answer.headers
    }
    described: Document = {"description": f"{status}", "headers": headers}
    if answer.body is not None:
        name = f"{route.operation}.{status}"
        described["content"] = {_JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return described


def _refusals() -> Document:
    body = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    refused: Document = {"description": "Refused, with Azure's code and sentence.", "headers": _headers()}
    return {
        "Refused": refused | body,
        "Unanswered": refused,
        "DiskFull": {"description": "The disk is full; nothing has changed.", "headers": _headers(), **body},
    }


def _headers() -> Document:
    names = ["x-ms-request-id", "x-ms-correlation-request-id"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schemas(routes: Iterable[Route]) -> Document:
    error = answered(REFUSAL.body) if REFUSAL.body is not None else {}
    made: Document = {"Error": error}
    for operation in sorted({route.operation for route in routes}):
        if operation in TAKEN:
            taken = sent(TAKEN[operation])
            made[f"{operation}.taken"] = {"anyOf": [taken, {"type": "null"}]} if operation in NULL_TOO else taken
        for status, answer in ANSWERED.get(operation, {}).items():
            if answer.body is not None:
                made[f"{operation}.{status}"] = answered(answer.body)
    return made


def _with_links(
    responses: Document, made: Route, routes: Iterable[Route], names: Mapping[tuple[str, str], str]
) -> Document:
    """Add to what a PUT answers how to ask for what it made: the operations at its path and below it."""
    own = made.template
    links: Document = {}
    for route in routes:
        if route is made or route.offer is Offer.REFUSED or route.method == "HEAD":
            continue
        tail = route.template.removeprefix(own)
        if (route.template == own or tail.startswith("/")) and "{" not in tail and route.template.startswith(own):
            name = names[route.method, route.template]
            links[name] = {
                "operationId": name,
                "parameters": {each: f"$request.path.{each}" for each in _NAME.findall(own)},
            }
    if not links:
        return responses
    return {
        status: response | ({"links": links} if status in {"200", "201", "202"} else {})
        for status, response in responses.items()
    }


def _operation_ids(routes: Sequence[Route]) -> dict[tuple[str, str], str]:
    """One id each: an operation that stands at several scopes is counted."""
    seen: dict[str, int] = {}
    ids = {}
    for route in routes:
        seen[route.operation] = seen.get(route.operation, 0) + 1
        count = seen[route.operation]
        ids[route.method, route.template] = route.operation if count == 1 else f"{route.operation}_{count}"
    return ids


def _path(template: str) -> str:
    return template.replace("{*", "{")
