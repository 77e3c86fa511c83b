"""A recorded request gets the same answer however it is written: each is put twice, as recorded and written anew.

The two live in groups of their own in one emulator, whose clock stands still; names and ids are then made equal.
"""

from __future__ import annotations

import difflib
import http.client
import json
import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.contract.conftest import require_folder
from tests.contract.mutation import Mutation
from tests.contract.recorded import ARM, SUBSCRIPTION, Interaction, Recording, creation, load
from tests.contract.test_recorded_traffic import ELSEWHERE, NOT_OFFERED, RECORDINGS
from tests.emulator.running import running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.emulator.running import Running

#: Status, names of headers and body of an answer, made equal where the two sides must differ.
Put = tuple[int, frozenset[str], str]
_MARKS = ("--", "++", "@@")
#: What changes by itself: how far an operation, an execution or a replica has come.
_MOVING = re.compile(r"operation(Status|Result)|/executions|/replicas", re.IGNORECASE)
_MADE_UP = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "GUID"),
    (re.compile(r"(--|executions/|\w-)[a-z0-9]{7}\b"), "REVISION"),
    (re.compile(r"\b[a-z]+-[0-9a-f]{8}\."), "DOMAIN."),
    (re.compile(r"(?<=\")(?!/)[A-Za-z0-9+/_=.-]{40,}(?=\")"), "TOKEN"),
    (re.compile(r"sig=[^&\"]+"), "SIGNATURE"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "HOST"),
)  # fmt: skip


@dataclass
class Side:
    """One of the two: how it calls its groups, and how it writes."""

    emulator: Running
    mark: str
    mutation: Mutation | None = None
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        address = urlsplit(self.emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"])
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)

    def ours(self, text: str, recording: Recording) -> str:
        """Recorded text with our subscription and this side's groups."""
        written = text.replace(SUBSCRIPTION, self.emulator.environment["AZURE_SUBSCRIPTION_ID"])
        for group in sorted(recording.groups, key=len, reverse=True):
            written = re.sub(
                rf"(?i)(resourcegroups/){re.escape(group)}\b", rf"\g<1>{self.group(recording, group)}", written
            )
        return written

    def group(self, recording: Recording, group: str) -> str:
        return f"{self.mark}-{recording.name}-{group}"[:90]

    def ask(self, method: str, path: str, body: Any, *, nulls: bool) -> tuple[int, dict[str, str], str]:
        """Put a request and follow its operation to the end; returns the first answer."""
        content = None
        headers = {"Authorization": f"Bearer {self.emulator.environment['ACCESS_TOKEN']}"}
        if body is not None:
            content = self.mutation.body(body, nulls=nulls) if self.mutation else json.dumps(body)
            headers["Content-Type"] = "application/json"
        if self.mutation:
            path = self.mutation.url(path)
        answer = self._send(method, path, content, headers)
        link = answer[1].get("azure-asyncoperation") or answer[1].get("location")
        while link and answer[0] in {201, 202}:
            status, _, told = self._send("GET", link.partition("//")[2].partition("/")[2], None, headers)
            if status != 202 and '"InProgress"' not in told:
                break
        return answer

    def _send(
        self, method: str, path: str, content: str | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        encoded = content.encode() if content is not None else None
        self.connection.request(method, f"/{path.lstrip('/')}", body=encoded, headers=headers)
        response = self.connection.getresponse()
        read = response.read().decode()
        return response.status, {key.lower(): value for key, value in response.getheaders()}, read


def _same(answer: tuple[int, dict[str, str], str], side: Side) -> Put:
    status, headers, body = answer
    told = re.sub(side.mark, "side", body, flags=re.IGNORECASE)
    if told.startswith("{"):
        told = json.dumps(json.loads(told), sort_keys=True, indent=0)
    for pattern, word in _MADE_UP:
        told = pattern.sub(word, told)
    return status, frozenset(headers), told


def _asked(recording: Recording) -> Iterator[Interaction]:
    """Writes, and what is read after each, once."""
    left_out, read = {*NOT_OFFERED, *ELSEWHERE}, set()
    for seen in recording.interactions:
        ours = seen.host == ARM and "/microsoft.app/" in seen.path.lower()
        if not ours or seen.operation in left_out or _MOVING.search(seen.path) or seen.path in read:
            continue
        read = {*read, seen.path} if seen.method == "GET" else set()
        yield seen


def _prepare(side: Side, recording: Recording) -> None:
    subscription = side.emulator.environment["AZURE_SUBSCRIPTION_ID"]
    for group in recording.groups:
        path = f"/subscriptions/{subscription}/resourceGroups/{side.group(recording, group)}?api-version=2024-11-01"
        assert side.ask("PUT", path, {"location": "eastus"}, nulls=False)[0] == 201
    for seen in recording.presupposed():
        path = side.ours(f"{seen.path}?api-version=2025-07-01", recording)
        body = json.loads(side.ours(json.dumps(creation(seen)), recording))
        assert side.ask("PUT", path, body, nulls=False)[0] == 201


@pytest.mark.timeout(300)
def test_a_request_means_the_same_however_it_is_written(tmp_path: Path) -> None:
    with running_emulator(tmp_path) as emulator:
        problems, asked = _differences(emulator, require_folder(RECORDINGS))
    assert asked > 300
    assert not problems, "\n".join(["", *problems])


def _differences(emulator: Running, folder: Path) -> tuple[list[str], int]:
    """Where answers differ, and how many requests were put."""
    problems, asked = [], 0
    plain, other = Side(emulator, "plain"), Side(emulator, "anew")
    with closing(plain.connection), closing(other.connection):
        for file in sorted(folder.glob("*.yaml")):
            recording = load(file)
            other.mutation = None
            for side in (plain, other):
                _prepare(side, recording)
            other.mutation = Mutation(recording.name)
            for seen in _asked(recording):
                first, second = (_put(side, seen, recording) for side in (plain, other))
                asked += 1
                problems += [f"{recording.name}: {seen.title}: {each}" for each in _apart(first, second)]
    return problems, asked


def _apart(first: Put, second: Put) -> Iterator[str]:
    """Where two answers differ, one line each."""
    if first[0] != second[0]:
        yield f"{first[0]} as recorded, {second[0]} written anew: {second[2]}"
        return
    if first[1] != second[1]:
        yield f"headers {first[1] ^ second[1]}"
    if first[2] != second[2]:
        ours, theirs = first[2].split("\n"), second[2].split("\n")
        yield " ".join(line for line in difflib.unified_diff(ours, theirs, lineterm="", n=0) if line[:2] not in _MARKS)


def _put(side: Side, seen: Interaction, recording: Recording) -> Put:
    parts = urlsplit(side.ours(seen.uri, recording))
    sent = seen.request_body
    body = json.loads(side.ours(json.dumps(sent), recording)) if sent is not None else None
    return _same(side.ask(seen.method, f"{parts.path}?{parts.query}", body, nulls=seen.method == "PUT"), side)
