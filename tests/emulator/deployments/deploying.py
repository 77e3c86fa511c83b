"""Deployments over plain HTTP: asked for, waited for, looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

    from tests.emulator.running import Running

VERSION = {"api-version": "2025-04-01"}
_TEMPLATES = Path(__file__).with_name("templates")


def template(name: str) -> dict[str, Any]:
    """A template as `bicep build` writes them."""
    return dict(json.loads((_TEMPLATES / f"{name}.json").read_text()))


def body(template: dict[str, Any], mode: str = "Incremental", **parameters: Any) -> dict[str, Any]:
    given = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"mode": mode, "template": template, "parameters": given}}


def resources(*found: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A template of these resources."""
    return {"$schema": "x", "contentVersion": "1.0.0.0", "resources": list(found), **sections}


def identity(name: str, **more: Any) -> dict[str, Any]:
    """The smallest resource there is."""
    type_ = "Microsoft.ManagedIdentity/userAssignedIdentities"
    return {"type": type_, "apiVersion": "2023-01-31", "name": name, "location": "eastus", **more}


def path(emulator: Running, name: str = "one") -> str:
    return f"{emulator.group}/providers/Microsoft.Resources/deployments/{name}"


def ask(emulator: Running, method: str, path_: str, content: Any = None) -> requests.Response:
    return emulator.ask(method, path_, content, params=VERSION)


def follow(emulator: Running, answer: requests.Response) -> dict[str, Any]:
    """Poll until the deployment has ended; returns the last status."""
    assert answer.status_code in {200, 201}, answer.text
    last: dict[str, Any] = {}

    def over() -> bool:
        last.update(emulator.ask("GET", answer.headers["Azure-AsyncOperation"], params={}).json())
        return last["status"] != "Running"

    emulator.eventually(over)
    return last


def deploy(emulator: Running, content: dict[str, Any], name: str = "one") -> dict[str, Any]:
    """Deploy, and return the deployment at its end."""
    follow(emulator, ask(emulator, "PUT", path(emulator, name), content))
    return dict(ask(emulator, "GET", path(emulator, name)).json())


def predict(emulator: Running, content: dict[str, Any]) -> dict[str, Any]:
    """Ask what would change, and return the result."""
    answer = ask(emulator, "POST", f"{path(emulator)}/whatIf", content)
    assert answer.status_code == 202, answer.text
    return dict(emulator.ask("GET", answer.headers["Location"], params={}).json())


def changes(emulator: Running, content: dict[str, Any]) -> dict[str, str]:
    """The kind of change by the last name of what would change."""
    found = predict(emulator, content)
    return {each["resourceId"].rpartition("/")[2]: each["changeType"] for each in found["properties"]["changes"]}
