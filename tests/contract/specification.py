"""Microsoft's description of the API, as something to validate bodies with.

Read from the folder named by `ACA_NOTEBOOK_SPECIFICATION`. One allowance, seen in recorded Azure traffic: nulls stand
where the description has none. Enums are open in the description itself.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Specification:
    """One api-version's description."""

    def __init__(self, described: Path | dict[str, Any]) -> None:
        self.document = described if isinstance(described, dict) else json.loads(described.read_text())
        found = [(_pattern(template), operations) for template, operations in self.document["paths"].items()]
        self._paths = sorted(found, key=lambda each: each[0].pattern.count("[^/]+"))  # the most literal first

    def response_schema(self, method: str, path: str, status: int | str) -> dict[str, Any] | None:
        """The schema of a response's body, empty when it is described without one; None when it is not described."""
        for pattern, operations in self._paths:
            if pattern.fullmatch(path) and method.lower() in operations:
                responses = operations[method.lower()]["responses"]
                response = responses.get(str(status), responses.get(f"{str(status)[0]}XX"))
                if response is not None:
                    content = self._response(response).get("content", {})
                    return content.get("application/json", {}).get("schema", {})
        return None

    def _response(self, response: dict[str, Any]) -> dict[str, Any]:
        name = response.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["responses"][name] if name else response

    def problems(self, schema: dict[str, Any], body: Any) -> Iterator[str]:
        """Where a body departs from its schema, one sentence each."""
        whole = {**schema, "components": self.document["components"]}
        for error in Draft202012Validator(whole).iter_errors(_without_nulls(body)):
            yield f"{error.json_path}: {error.message[:200]}"

    def unknown_fields(self, schema: dict[str, Any], body: Any, at: str = "$") -> Iterator[str]:
        """Members that the description does not have: a misspelt field would show here."""
        resolved = self._resolve(schema)
        if isinstance(body, list):
            for index, value in enumerate(body):
                yield from self.unknown_fields(resolved.get("items", {}), value, f"{at}[{index}]")
        elif isinstance(body, dict) and (properties := self._properties(resolved)):
            for name, value in body.items():
                if name not in properties:
                    yield f"{at}.{name}"
                elif value is not None:
                    yield from self.unknown_fields(properties[name], value, f"{at}.{name}")

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "allOf" in schema and len(schema["allOf"]) == 1 and "properties" not in schema:
            return self._resolve(schema["allOf"][0])
        return schema

    def _properties(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            found |= self._properties(self._resolve(part))
        return found


def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template.rstrip("/"))) + "/?"
    return re.compile(escaped, re.IGNORECASE)


def _without_nulls(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: _without_nulls(value) for key, value in body.items() if value is not None}
    if isinstance(body, list):
        return [_without_nulls(value) for value in body]
    return body
