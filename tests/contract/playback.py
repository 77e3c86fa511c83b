"""A recording played to a running emulator: each request in our terms, followed as the emulator's own answers say."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from tests.contract.comparison import Difference, compare
from tests.contract.recorded import (
    ARM,
    BLOB_HOSTS,
    DATA_PLANE,
    SESSION_HOSTS,
    SUBSCRIPTION,
    Answer,
    Interaction,
    Names,
    Recording,
    creation,
    without_query,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.real_emulator import RealEmulator

_PATIENCE_SECONDS = 8.0
_PAUSE_SECONDS = 0.05
#: What the recordings have in requests for the GUID that Azure then answers.
_REDACTED_WORKSPACE = "veryFakedCustomerId=="
_SOME_WORKSPACE = "6f1c9a3e-2b57-4c1d-9d53-0a8f7e6b5c4d"
_QUICKSTART = "mcr.microsoft.com/k8se/quickstart:latest"


@dataclass(frozen=True, slots=True)
class Played:
    """One interaction, the emulator's last answer to it, and how that differs from Azure's."""

    interaction: Interaction
    answer: Answer
    differences: tuple[Difference, ...]


class Playback:
    """Plays one recording to one fresh emulator.

    `programs` is a folder on the emulator's path, for the programs that containers name; `images_missing` are images
    that must stay unknown.
    """

    def __init__(
        self, recording: Recording, emulator: RealEmulator, *, programs: Path, images_missing: frozenset[str]
    ) -> None:
        self._recording = recording
        self._emulator = emulator
        self._programs = programs
        self._images_missing = images_missing
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = emulator.environment["REQUESTS_CA_BUNDLE"]
        self._arm_token = emulator.environment["ACCESS_TOKEN"]
        self._data_plane_token = ""
        url = emulator.ready["url"]
        self._names = Names(
            {
                SUBSCRIPTION: emulator.environment["AZURE_SUBSCRIPTION_ID"],
                f"https://{ARM}": url,
                _REDACTED_WORKSPACE: _SOME_WORKSPACE,
            }
        )
        for region in recording.regions():
            self._names.pairs |= {
                f"https://{region}{DATA_PLANE}": url,
                f"wss://{region}{DATA_PLANE}": url.replace("https://", "wss://"),
            }

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def prepare(self) -> None:
        """Make what the recording presupposes: groups, images, resources that were there before."""
        for group in sorted(self._recording.groups):
            self._must("PUT", f"/resourceGroups/{group}?api-version=2024-11-01", {"location": "eastus"})
        self._make_runnable()
        for seen in self._recording.presupposed():
            path = seen.path.removeprefix(f"/subscriptions/{SUBSCRIPTION}")
            made = self._must("PUT", f"{path}?api-version=2025-07-01", self._names.ours(creation(seen)))
            self._settle(made.headers["azure-asyncoperation"])

    def play(self, refused: Mapping[str, str], elsewhere: Mapping[str, str]) -> Iterator[Played]:
        """Put each request to the emulator, in order; `refused` operations once, `elsewhere` ones not at all."""
        for seen in self._recording.interactions:
            if seen.operation in elsewhere:
                continue
            if seen.operation in refused:
                answer = self._ask(seen)
                yield Played(seen, answer, ())
            else:
                yield self._play(seen)

    def _play(self, seen: Interaction) -> Played:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = self._ask(seen)
            differences = compare(seen, answer, self._names)
            if not _may_mend(seen, answer, differences) or time.monotonic() > deadline:
                return Played(seen, answer, tuple(differences))
            time.sleep(_PAUSE_SECONDS)  # noqa: TID251  # another process is waited for: it lives by the machine's clock

    def _ask(self, seen: Interaction) -> Answer:
        headers = {}
        if seen.host == ARM:
            headers["Authorization"] = f"Bearer {self._arm_token}"
        elif seen.host.endswith(SESSION_HOSTS):
            headers["Authorization"] = f"Bearer {self._token_for('https://dynamicsessions.io')}"
        elif seen.host.endswith(DATA_PLANE):
            headers["Authorization"] = f"Bearer {self._data_plane_token}"
        elif seen.host.endswith(BLOB_HOSTS):
            headers |= {"x-ms-blob-type": "BlockBlob"} if seen.method == "PUT" else {"Range": "bytes=0-"}
        if isinstance(seen.request_body, str) and seen.content_type:
            headers["Content-Type"] = seen.content_type
        answer = self._send(seen.method, self._url(seen), self._names.ours(seen.request_body), headers)
        if seen.operation.endswith("getAuthToken") and answer.status == 200:
            self._data_plane_token = answer.body["properties"]["token"]
        return answer

    def _token_for(self, audience: str) -> str:
        """A token as a client gets one, by its secret."""
        environment = self._emulator.environment
        answer = self._http.post(
            f"{self._emulator.ready['url']}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": environment["AZURE_CLIENT_ID"],
                "client_secret": environment["AZURE_CLIENT_SECRET"],
                "scope": f"{audience}/.default",
            },
            timeout=30,
        )
        return str(answer.json()["access_token"])

    def _url(self, seen: Interaction) -> str:
        """A link where our answers gave one, with what the caller adds to its query; else the same request to ours."""
        link = self._names.links.get(without_query(seen.uri))
        if link is not None:
            return link
        if seen.host.endswith((SESSION_HOSTS, BLOB_HOSTS)):
            return f"{self._emulator.ready['url']}{self._names.ours(seen.path)}?{urlencode(seen.query)}"
        parts = urlsplit(self._names.ours(seen.uri))
        query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if "<" not in value]
        return parts._replace(query=urlencode(query)).geturl()

    def _send(self, method: str, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        content = {"json": body} if isinstance(body, (dict, list)) else {"data": body}
        try:
            response = self._http.request(
                method, url, headers=dict(headers or {}), timeout=30, allow_redirects=False, **content
            )
        except requests.ConnectionError as unreachable:
            return Answer(0, {}, f"{url} cannot be reached: {unreachable}")
        names = {key.lower(): value for key, value in response.headers.items()}
        text: Any = response.text or None
        if names.get("content-type", "").startswith("application/json") and text:
            text = response.json()
        return Answer(response.status_code, names, text)

    def _must(self, method: str, path: str, body: Any) -> Answer:
        url = f"{self._emulator.ready['url']}{self._emulator.path('group-x').rpartition('/resourceGroups')[0]}{path}"
        answer = self._send(method, url, body, {"Authorization": f"Bearer {self._arm_token}"})
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer

    def _settle(self, url: str) -> None:
        while (answer := self._send("GET", url, None, {"Authorization": f"Bearer {self._arm_token}"})).body[
            "status"
        ] == "InProgress":
            time.sleep(_PAUSE_SECONDS)  # noqa: TID251  # as above
        assert answer.body["status"] == "Succeeded", answer.body

    def _make_runnable(self) -> None:
        """Let every image and program stand for what the quickstart runs: what an app does is not what is compared."""
        control = f"{self._emulator.ready['url']}/_emulator/images"
        headers = {"Authorization": f"Bearer {(self._emulator.folder / 'control-token').read_text().strip()}"}
        known = {each["image"]: each for each in self._send("GET", control, None, headers).body["value"]}
        command = known[_QUICKSTART]["command"]
        for image in sorted(self._recording.images() - self._images_missing - known.keys()):
            answer = self._send("PUT", control, {"image": image, "command": command}, headers)
            assert answer.status == 200, answer.body
        line = shlex.join(part.replace("{python}", sys.executable) for part in command)
        for program in self._recording.programs():
            file = self._programs / program
            file.write_text(f"#!/bin/sh\nexec {line}\n")
            file.chmod(0o755)


def _may_mend(seen: Interaction, answer: Answer, differences: list[Difference]) -> bool:
    """Whether asking again may bring the answer that was recorded: only reading, and only what moves by itself."""
    if seen.method not in {"GET", "HEAD"} or not differences:
        return False
    if answer.status != seen.answer.status:
        return answer.status in {202, 502, 503}
    return any(each.moving for each in differences)
