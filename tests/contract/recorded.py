"""Recorded Azure traffic, as values: what was asked, what Azure answered, what was there before.

The recordings are other people's files, read from the folder named by `ACA_NOTEBOOK_RECORDINGS`. Nothing here talks to
anything; `playback` puts the requests to an emulator and `comparison` says where its answers differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ARM = "management.azure.com"
DATA_PLANE = ".azurecontainerapps.dev"
APP_HOSTS = ".azurecontainerapps.io"
BLOB_HOSTS = ".blob.core.windows.net"
SESSION_HOSTS = ".dynamicsessions.io"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

_GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/?]+)", re.IGNORECASE)
#: What a resource is made of, out of what a GET of it answers; the rest the service fills in.
_WRITABLE = {
    "managedEnvironments": (
        "vnetConfiguration", "appLogsConfiguration", "workloadProfiles", "zoneRedundant", "peerAuthentication",
        "peerTrafficConfiguration", "publicNetworkAccess",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, Azure's or ours: header names in lower case; the body parsed when it is JSON, else text or None."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request and Azure's answer to it; `ordinal` is its place in the recording, from 0."""

    ordinal: int
    method: str
    uri: str
    request_body: Any
    content_type: str  #: of the request; empty where none was recorded
    answer: Answer

    @property
    def host(self) -> str:
        """The host that was asked."""
        return urlsplit(self.uri).netloc

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return urlsplit(self.uri).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; placeholders of redacted ones included."""
        return dict(parse_qsl(urlsplit(self.uri).query, keep_blank_values=True))

    @property
    def title(self) -> str:
        """What names it in `deviations.toml`: ordinal, method, the path's tail, such as `4 GET containerApps/app`."""
        tail = "/".join(self.path.rstrip("/").split("/")[-2:]) if self.path != "/" else self.host.partition(".")[0]
        return f"{self.ordinal} {self.method} {tail}"

    @property
    def operation(self) -> str:
        """The operation, names left out, such as `POST Microsoft.App/containerApps/*/listSecrets`."""
        return f"{self.method} {_without_names(self.host, self.path)}"


@dataclass(frozen=True, slots=True)
class Recording:
    """One test case of Azure's own CLI, as it was seen on the wire."""

    name: str
    interactions: tuple[Interaction, ...]

    @property
    def groups(self) -> frozenset[str]:
        """The resource groups whose resources were asked for or made, but for those that were not there."""
        return frozenset(
            name
            for each in self.interactions
            for name in _GROUP.findall(each.path)
            if "ResourceGroupNotFound" not in str(each.answer.body)
        )

    def presupposed(self) -> Iterator[Interaction]:
        """The first GET of each resource that was there before the recording began, if an emulator can make it."""
        touched: set[str] = set()
        for each in self.interactions:
            key = each.path.lower()
            if key not in touched and each.method == "GET" and each.answer.status == 200 and _kind(each.path):
                yield each
            touched.add(key)

    def regions(self) -> frozenset[str]:
        """The short names of the regions that appear in data-plane addresses."""
        found = re.findall(r"//([a-z0-9]+)\.azurecontainerapps\.dev", repr(self.interactions))
        return frozenset(found)

    def images(self) -> frozenset[str]:
        """The container images that apps are asked to run."""
        return frozenset(image for image, _ in self._containers())

    def programs(self) -> frozenset[str]:
        """The programs that apps are asked to run in place of an image's own, those named by a path left out."""
        return frozenset(command[0] for _, command in self._containers() if command and "/" not in command[0])

    def _containers(self) -> Iterator[tuple[str, list[str]]]:
        return _containers([each.request_body for each in self.interactions])


def load(file: Path) -> Recording:
    """Read one recording."""
    document = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    return Recording(
        file.stem, tuple(_interaction(ordinal, each) for ordinal, each in enumerate(document["interactions"]))
    )


def creation(seen: Interaction) -> dict[str, Any]:
    """The body that makes the resource whose GET was recorded: its writable parts, nulls left out."""
    body = seen.answer.body
    properties = {
        name: _without_nulls(body["properties"][name])
        for name in _WRITABLE[_kind(seen.path)]
        if body["properties"].get(name) is not None
    }
    for profile in properties.get("workloadProfiles", ()):
        profile.pop("enableFips", None)
    return {"location": body["location"], "properties": properties}


@dataclass
class Names:
    """Recorded words and ours for them: ids, hosts, revisions. What is not known stays as recorded."""

    pairs: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # recorded URL without its query → our URL

    def learn(self, recorded: str, ours: str) -> None:
        """Remember the first pairing of a word: later ones must agree, which the comparison sees."""
        if recorded and ours:
            self.pairs.setdefault(recorded, ours)

    def ours(self, value: Any) -> Any:
        """The value with every known word in our terms, the longest first."""
        if isinstance(value, str):
            return self._pattern().sub(lambda found: self.pairs[found.group()], value) if self.pairs else value
        if isinstance(value, dict):
            return {self.ours(key): self.ours(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.ours(each) for each in value]
        return value

    def _pattern(self) -> re.Pattern[str]:
        words = sorted(self.pairs, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words)))


def without_query(url: str) -> str:
    """The URL up to its query, a trailing slash left out."""
    return url.partition("?")[0].rstrip("/")


def _interaction(ordinal: int, document: dict[str, Any]) -> Interaction:
    return Interaction(
        ordinal, document["method"], document["uri"], document.get("request_body"),
        (document.get("request_headers") or {}).get("content-type", ""),
        Answer(
            document["status"]["code"], {key.lower(): value for key, value in document["response_headers"].items()},
            document.get("response_body"),
        ),
    )  # fmt: skip


def _kind(path: str) -> str:
    """The resource type of a path that names one resource which `creation` can make; else nothing."""
    kind = path.rstrip("/").split("/")[-2] if path.count("/") > 1 else ""
    return kind if kind in _WRITABLE else ""


def _without_names(host: str, path: str) -> str:
    if host.endswith(APP_HOSTS):
        return "an app's own address"
    if host.endswith(BLOB_HOSTS):
        return "a blob"
    if host.endswith(SESSION_HOSTS):
        return "a session"
    if host == ARM or host.endswith(DATA_PLANE):
        prefix = [] if host == ARM else ["data plane"]
        return "/".join([*prefix, *_types([part for part in path.split("/") if part])])
    return host


def _types(parts: list[str]) -> Iterator[str]:
    """The path's types, a star for each name; subscription and group are left out when a provider or more follows."""
    rest = iter(parts)
    scope = {"subscriptions", "resourcegroups"}
    for part in rest:
        name = next(rest, None)
        if part.lower() in scope:
            continue
        if part.lower() == "providers":
            yield name or ""
            continue
        yield part
        if name is not None:
            yield "*"


def _containers(value: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            yield value["image"], value.get("command") or []
        for each in value.values():
            yield from _containers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _containers(each)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value
