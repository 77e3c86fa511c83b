"""Where our answer differs in shape from the one Azure gave.

Statuses, header names, keys, types, states, error codes and every value that the caller or the service decides must be
the same. What can only differ (ids, times, hosts, versions of the platform's parts) has a form that both must have,
and must keep being the same thing: a revision that Azure named once and then again is one revision here too.
No rule drops a field: a recorded value that is not null is never absent or null in ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.contract.recorded import APP_HOSTS, BLOB_HOSTS, Answer, without_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.recorded import Interaction, Names

_MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?\+0000 UTC|Z|[+-]\d\d:\d\d)?"
_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IP = r"\d{1,3}(\.\d{1,3}){3}"
_HOST = r"[a-z0-9.-]+(:\d+)?"
_REVISION = r"[a-z0-9-]+--[a-z0-9-]+"

_MOMENTS = frozenset({
    "createdAt", "lastModifiedAt", "startTime", "finishTime", "createTime", "createdTime", "lastActiveTime", "expires",
    "lastUpdatedTime", "creationDate", "TimeStamp", "createdDate", "modifiedDate", "lastSkuUpdate",
    "quotaNextResetTime", "lastModifiedTime", "endTime", "createdOn", "updatedOn", "creationTime", "lastEnabledTime",
    "key1", "key2",
})  # fmt: skip

#: Text that can only differ, by field name, and the form that Azure's and ours must both have.
FORMS = {
    **dict.fromkeys(_MOMENTS, _MOMENT),
    **dict.fromkeys(("createdBy", "lastModifiedBy"), r".+"),
    **dict.fromkeys(("createdByType", "lastModifiedByType"), r"User|Application|ManagedIdentity|Key"),
    **dict.fromkeys(("principalId", "clientId", "customerId", "tenantId", "resourceGuid"), _GUID),
    **dict.fromkeys(("fqdn", "latestRevisionFqdn"), _HOST),
    **dict.fromkeys(("latestRevisionName", "latestReadyRevisionName"), _REVISION),
    "poolManagementEndpoint": r"https://\S+",
    "defaultDomain": r"[a-z]+-[0-9a-f]{8}\.[a-z0-9]+\.azurecontainerapps\.(io|localhost)",
    "staticIp": _IP,
    "outboundIpAddresses": _IP,
    "customDomainVerificationId": r"[0-9A-F]{64}",
    "infrastructureResourceGroup": r"ME_.+_.+_[a-z0-9]+",
    "containerId": r"containerd://[0-9a-f]+",
    "version": r"\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?",
    "token": r".+",
    "uploadUrl": r"https?://.+\?.+",
    "logLink": r"https?://.+\?.+",
    "relativePath": r"source/.+\.tar\.gz",
}  # fmt: skip
#: Of those, the names of things: once paired they stay paired, and later requests use ours. A ready revision lags.
_KEPT = frozenset(FORMS) - _MOMENTS - {
    "poolManagementEndpoint", "createdBy", "lastModifiedBy", "createdByType", "lastModifiedByType",
    "latestReadyRevisionName", "outboundIpAddresses", "version", "token", "staticIp",
    "infrastructureResourceGroup",
}  # fmt: skip
#: Counters of a whole subscription, or of an environment's nodes, and how long something took.
_COUNTERS = frozenset({"usage", "currentValue", "currentCount", "executionTimeInMilliseconds"})
#: What the platform fills in early or late: of 15 recorded 201s of environments 6 have the address at once.
_EARLY = frozenset({"staticIp", "version"})
#: Lists whose length is the platform's business.
_ANY_LENGTH = frozenset({"outboundIpAddresses"})
#: What changes by itself while something is under way.
MOVING = frozenset({
    "provisioningState", "runningStatus", "status", "runningState", "runningStateDetails", "healthState", "ready",
    "started", "replicas", "restartCount", "latestReadyRevisionName", "trafficWeight",
})  # fmt: skip
#: Those, and what holds them, which may not be there at all yet.
_AWAITED = MOVING | {"value", "containers", "body", "staticIp", "detailedStatus"}
_UNDER_WAY = frozenset({
    "InProgress", "Waiting", "Updating", "Creating", "Deleting", "Activating", "Processing", "NotRunning",
    "Provisioning", "Deprovisioning", "Queued", "Started",
})  # fmt: skip
#: Headers that must be there when Azure's are, and not when they are not.
_EXACT_HEADERS = ("azure-asyncoperation", "location", "x-ms-async-operation-timeout", "retry-after")
#: Headers that must be there when Azure's are.
_NEEDED_HEADERS = ("api-supported-versions", "x-ms-failure-cause", "x-ms-meta-complete")
# Not compared: content-length and server, which follow from the body and the program; strict-transport-security, which
# must not be said of a loopback address whose authority is the emulator's own; x-ms-ratelimit-* and
# x-ms-operation-identifier, Azure's throttling and tracing, which are not imitated; x-ms-*-time of session calls.
#: The group that every recording makes its resources in.
_OWN_GROUP = "/clitest.rg000001/"
_REDACTED = re.compile(r"<[a-z]+>")
#: Parameters of polling URLs that sign them.
_SIGNING = frozenset({"t", "c", "s", "h"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, such as `body.properties.runningStatus`, and how ours is not Azure's."""

    field: str
    problem: str

    @property
    def moving(self) -> bool:
        """Whether waiting may mend it."""
        return self.field == "status" or _leaf(self.field) in _AWAITED


def compare(seen: Interaction, answer: Answer, names: Names) -> list[Difference]:
    """Where `answer` differs from what Azure answered; learns our names for recorded things on the way."""
    learn(seen.answer, answer, names)
    if seen.method == "GET" and seen.answer.status == 202 and answer.status in {200, 204}:
        return []  # a poll that found the operation still running; how many there are is a matter of time
    found = list(_status(seen.answer, answer))
    if not found:
        found += _headers(seen, answer, names)
        found += _body(seen, answer, names)
    return found


def learn(recorded: Answer, ours: Answer, names: Names) -> None:
    """Pair the names of things in both answers, and the URLs to follow."""
    for header in ("azure-asyncoperation", "location"):
        theirs, mine = recorded.headers.get(header), ours.headers.get(header)
        if theirs and mine:
            names.links[without_query(theirs)] = mine
            names.learn(urlsplit(theirs).path.rpartition("/")[2], urlsplit(mine).path.rpartition("/")[2])
    for theirs, mine in _named(recorded.body, ours.body):
        if theirs.startswith("https://") and "?" in theirs:
            names.links[without_query(theirs)] = mine
        names.learn(theirs, mine)


def under_way(body: Any) -> bool:
    """Whether a body tells of something that has not ended."""
    if isinstance(body, dict):
        return any(
            (key in MOVING and isinstance(value, str) and value in _UNDER_WAY)
            or (key in {"ready", "started"} and value is False)
            or under_way(value)
            for key, value in body.items()
        )
    return isinstance(body, list) and any(under_way(each) for each in body)


def _status(recorded: Answer, ours: Answer) -> Iterator[Difference]:
    if recorded.status != ours.status:
        said = f": {json.dumps(ours.body)[:300]}" if not 200 <= ours.status < 400 else ""
        yield Difference("status", f"Azure answers {recorded.status}, ours {ours.status}{said}")


def _headers(seen: Interaction, ours: Answer, names: Names) -> Iterator[Difference]:
    recorded = seen.answer
    for header in _EXACT_HEADERS:
        theirs, mine = recorded.headers.get(header), ours.headers.get(header)
        if (theirs is None) != (mine is None):
            yield Difference(f"header.{header}", f"Azure's is {theirs!r}, ours {mine!r}")
        elif theirs is not None and mine is not None and _header_shape(theirs, names) != _header_shape(mine, None):
            expected, found = _header_shape(theirs, names), _header_shape(mine, None)
            yield Difference(f"header.{header}", f"expected {expected}, ours {found}")
    for header in _NEEDED_HEADERS:
        if header in recorded.headers and not ours.headers.get(header):
            yield Difference(f"header.{header}", f"Azure's is {recorded.headers[header][:60]!r}, ours is absent")
    if recorded.body is not None and not seen.host.endswith((APP_HOSTS, BLOB_HOSTS)):
        theirs, mine = (each.headers.get("content-type", "").partition(";")[0] for each in (recorded, ours))
        if theirs and theirs != mine:
            yield Difference("header.content-type", f"Azure's is {theirs!r}, ours {mine!r}")


def _header_shape(value: str, names: Names | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A URL's path and query, what signs it left out; any other value as it is."""
    text = names.ours(value) if names else value
    parts = urlsplit(text)
    if not parts.scheme:
        return text, ()
    query = tuple(sorted((key, each) for key, each in parse_qsl(parts.query) if key not in _SIGNING))
    return parts.path, query


def _body(seen: Interaction, ours: Answer, names: Names) -> Iterator[Difference]:
    recorded = seen.answer.body
    if seen.host.endswith((APP_HOSTS, BLOB_HOSTS)):
        return  # an app's page and a build's log are another program's words
    if isinstance(recorded, str) and recorded.startswith("{"):
        yield from _lines(recorded, ours.body, names)
    elif recorded is None:
        if ours.body not in (None, ""):
            yield Difference("body", f"Azure's is empty, ours {json.dumps(ours.body)[:200]}")
    else:
        lenient = seen.method in {"GET", "HEAD"} and under_way(recorded)
        theirs = names.ours(_without_strangers(recorded, seen))
        yield from _Walk(lenient=lenient).value("body", theirs, _without_strangers(ours.body, seen))


class _Walk:
    """Compares two JSON values. `lenient`: Azure's tells of something under way, which may have ended in ours."""

    def __init__(self, *, lenient: bool) -> None:
        self.lenient = lenient

    def value(self, at: str, recorded: Any, ours: Any) -> Iterator[Difference]:
        if recorded is None:
            if ours is not None and not self.lenient and _leaf(at) not in _EARLY:
                yield Difference(at, f"Azure's is null, ours {json.dumps(ours)[:120]}")
        elif ours is None:
            yield Difference(at, f"Azure's is {json.dumps(recorded)[:120]}, ours is null")
        elif _json_type(recorded) != _json_type(ours):
            theirs, mine = (f"{_json_type(each)} {json.dumps(each)[:80]}" for each in (recorded, ours))
            yield Difference(at, f"Azure's is {theirs}, ours {mine}")
        elif isinstance(recorded, dict):
            yield from self.object(at, recorded, ours)
        elif isinstance(recorded, list):
            yield from self.list(at, recorded, ours)
        else:
            yield from self.scalar(at, recorded, ours)

    def object(self, at: str, recorded: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
        for key, value in recorded.items():
            if value is not None and key not in ours:
                yield Difference(f"{at}.{key}", f"Azure's is {json.dumps(value)[:120]}, ours is absent")
            else:
                yield from self.value(f"{at}.{key}", value, ours.get(key))
        for key, value in ours.items():
            if key not in recorded and value is not None and not self.lenient and key not in _EARLY:
                yield Difference(f"{at}.{key}", f"Azure has no such field here, ours is {json.dumps(value)[:120]}")

    def list(self, at: str, recorded: list[Any], ours: list[Any]) -> Iterator[Difference]:
        leaf = _leaf(at)
        if leaf in _ANY_LENGTH:
            if bool(recorded) != bool(ours):
                yield Difference(at, f"Azure's has {len(recorded)} items, ours {len(ours)}")
            pairs = [(f"{at}[0]", recorded[0], each) for each in ours] if recorded else []
        else:
            pairs, problems = _paired(at, recorded, ours)
            yield from problems
        for where, theirs, mine in pairs:
            yield from self.value(where, theirs, mine)

    def scalar(self, at: str, recorded: Any, ours: Any) -> Iterator[Difference]:
        leaf = _leaf(at)
        if leaf in _COUNTERS or (self.lenient and leaf in MOVING):
            return
        if isinstance(recorded, str) and _REDACTED.search(recorded):
            if not ours:
                yield Difference(at, "Azure's is redacted but not empty, ours is empty")
        elif leaf in FORMS and leaf not in _KEPT and isinstance(recorded, str) and re.fullmatch(FORMS[leaf], recorded):
            if not re.fullmatch(FORMS[leaf], ours):
                yield Difference(at, f"Azure's is such as {recorded!r}, ours {ours!r}")
        elif recorded != ours and not (isinstance(recorded, str) and _masked(recorded) == _masked(ours)):
            yield Difference(at, f"Azure's is {json.dumps(recorded)[:200]}, ours {json.dumps(ours)[:200]}")


def _paired(at: str, recorded: list[Any], ours: list[Any]) -> tuple[list[tuple[str, Any, Any]], list[Difference]]:
    """Items with the same name, or in the same place where they have none."""
    if not recorded or not all(_name(each) for each in (*recorded, *ours)):
        said = f"Azure's has {len(recorded)} items, ours {len(ours)}: {json.dumps(ours)[:120]}"
        problems = [Difference(at, said)] if len(recorded) != len(ours) else []
        return [(f"{at}[{n}]", *both) for n, both in enumerate(zip(recorded, ours, strict=False))], problems
    mine = {_name(each).lower(): each for each in ours}
    theirs = {_name(each).lower(): each for each in recorded}
    pairs, problems = [], []
    for number, (name, each) in enumerate(theirs.items()):
        place = f"{at}[{number if 'id' in each else _name(each)}]"  # an id may hold what is ours alone
        if name in mine:
            pairs.append((place, each, mine[name]))
        else:
            problems.append(Difference(place, f"Azure's has {_name(each)!r}, ours has no such item"))
    for name, each in mine.items():
        if name not in theirs:
            tail = _name(each).rpartition("/")[2]
            problems.append(Difference(f"{at}[{tail}]", f"ours has {_name(each)!r}, Azure's has no such item"))
    return pairs, problems


def _lines(recorded: str, ours: Any, names: Names) -> Iterator[Difference]:
    """A stream of JSON lines: the service's own two opening lines, the keys, and every reason Azure gave."""
    if not isinstance(ours, str):
        yield Difference("body", f"Azure's is a stream of lines, ours {json.dumps(ours)[:120]}")
        return
    theirs = [names.ours(json.loads(line)) for line in recorded.splitlines() if line]
    mine = [json.loads(line) for line in ours.splitlines() if line]
    if len(mine) < 3:
        yield Difference("body", f"Azure's has {len(theirs)} lines, ours {len(mine)}")
        return
    for number in (0, 1):
        yield from _Walk(lenient=False).value(f"body[{number}]", theirs[number], mine[number])
    for number, line in enumerate(mine[2:], 2):
        if line.keys() != theirs[0].keys():
            yield Difference(f"body[{number}]", f"Azure's keys are {sorted(theirs[0])}, ours {sorted(line)}")
    for kind in ("Reason", "EventSource"):
        missing = {line[kind] for line in theirs if line.get(kind)} - {line.get(kind) for line in mine}
        for word in sorted(missing):
            yield Difference(f"body.{kind}.{word}", "Azure's stream has it, ours does not")


def _named(recorded: Any, ours: Any, leaf: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of names of the same thing, in both bodies."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key, value in recorded.items():
            yield from _named(value, ours.get(key), _named_like(key, recorded))
    elif isinstance(recorded, list) and isinstance(ours, list):
        for theirs, mine in zip(recorded, ours, strict=False):
            yield from _named(theirs, mine, leaf)
    elif isinstance(recorded, str) and isinstance(ours, str) and _is_name(leaf, recorded, ours):
        yield recorded, ours


def _named_like(key: str, body: dict[str, Any]) -> str:
    """The field whose form the value of `key` has: the names of revisions and executions are made up by the service."""
    if key == "name" and "/executions/" in str(body.get("id", "")):
        return "executionName"
    names_itself = key == "name" and str(body.get("type", "")).endswith(("/revisions", "/replicas"))
    return "latestRevisionName" if names_itself else key


def _is_name(leaf: str, recorded: str, ours: str) -> bool:
    if leaf == "executionName":
        return bool(re.search(r"-[a-z0-9]{7}(-[a-z0-9]{5})?$", recorded)) and bool(ours)
    if leaf not in _KEPT or not recorded or not ours or _REDACTED.fullmatch(recorded):
        return False
    if leaf == "latestRevisionName":
        # Only the random suffixes: counted ones and those the caller chose must be the same.
        return bool(re.search(r"--(?!\d{7}\b)[a-z0-9]{7}(-[a-z0-9]+-[a-z0-9]{5})?$", recorded))
    return bool(re.fullmatch(FORMS[leaf], ours))


def _without_strangers(body: Any, seen: Interaction) -> Any:
    """A list over a whole subscription without what lies in other groups than the recording's own."""
    if seen.operation != "GET resources" or not isinstance(body, dict) or "value" not in body:
        return body
    kept = [each for each in body["value"] if _OWN_GROUP in each.get("id", "")]
    return {**body, "value": kept}


def _leaf(at: str) -> str:
    """The last field's name of a place such as `body.value[app].properties.traffic[0]`."""
    return re.sub(r"\[[^\]]*\]", "", at).rpartition(".")[2]


def _json_type(value: Any) -> str:
    for kind, name in ((bool, "a boolean"), ((int, float), "a number"), (str, "a text"), (list, "a list")):
        if isinstance(value, kind):
            return name
    return "an object"


def _masked(text: str) -> str:
    """Sentences without the ids and times in them."""
    clock = r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M"
    return re.sub(rf"{_GUID}|{clock}", "…", text)


def _name(item: Any) -> str:
    """What names an item of a list, if anything does."""
    if not isinstance(item, dict):
        return ""
    named = item.get("name")
    inner = named.get("value") if isinstance(named, dict) else named
    return str(item.get("id") or inner or item.get("revisionName") or "")
