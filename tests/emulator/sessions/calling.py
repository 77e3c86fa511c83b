"""Calls into a session pool of an emulator on fakes, as a client with a token makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

    from tests.emulator.running import Running

NEW, OLD = "2025-02-02-preview", "2024-02-02-preview"
AUDIENCE = "https://dynamicsessions.io"


class Caller:
    """Asks one pool; `identifier` is in each query unless a call says another."""

    def __init__(self, emulator: Running, name: str = "pool", kind: str = "PythonLTS", **properties: Any) -> None:
        self.emulator = emulator
        self.path = f"{emulator.group}/providers/Microsoft.App/sessionPools/{name}"
        self.token = token(emulator)
        body = {"location": "eastus", "properties": {"containerType": kind, **properties}}
        made = emulator.ask("PUT", self.path, body)
        assert made.status_code in {200, 201}, made.text
        if made.status_code == 201:
            emulator.follow(made)
        self.url = emulator.ask("GET", self.path).json()["properties"]["poolManagementEndpoint"]

    def call(
        self, method: str, path: str, body: Any = None, *, identifier: str | None = "abcd", version: str = NEW,
        token: str = "", **options: Any,
    ) -> requests.Response:  # fmt: skip
        named = {} if identifier is None else {"identifier": identifier}
        params = {"api-version": version, **named, **options.pop("query", {})}
        headers = {"Authorization": f"Bearer {token or self.token}"} | options.pop("headers", {})
        return self.emulator.ask(method, f"{self.url}/{path}", body, params=params, headers=headers, **options)

    def run(self, code: str, **options: Any) -> dict[str, Any]:
        """Run code, return the answer's body."""
        answer = self.call("POST", "executions", {"code": code}, **options)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def stream(self, code: str, **options: Any) -> list[dict[str, Any]]:
        """Run code, return what is told of it."""
        answer = self.call("POST", "executions", {"code": code}, headers={"Accept": "application/x-ndjson"}, **options)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def upload(self, name: str, content: bytes, **options: Any) -> requests.Response:
        return self.call("POST", "files", files={"file": (name, content)}, **options)


def token(emulator: Running, audience: str = AUDIENCE, subject: str = "") -> str:
    """A token as a client gets one; of the emulator's own client unless a subject is named."""
    subject = subject or emulator.emulator.client.object_id
    return emulator.emulator._issuer.issue(audience, subject=subject, lifetime_seconds=3600)


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
