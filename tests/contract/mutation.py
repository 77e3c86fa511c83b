"""Recorded requests, written in other ways that Azure takes for the same (facts §0.1, §0.3; clients §4)."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Objects whose names are the caller's own, or whose values are.
_OPAQUE = frozenset({"tags", "metadata", "userAssignedIdentities", "customizedKeys"})
#: Members whose text Azure is recorded to answer in its own case.
_ENUMERATIONS = frozenset({"activeRevisionsMode", "transport", "triggerType", "workloadProfileType", "containerType"})
#: Optional members, by where they may stand: null says nothing.
_OPTIONAL = {
    "properties": ("workloadProfileName", "patchingMode", "zoneRedundant", "vnetConfiguration"),
    "configuration": ("dapr", "runtime", "service", "maxInactiveRevisions"),
    "template": ("revisionSuffix", "serviceBinds", "terminationGracePeriodSeconds"),
    "ingress": ("corsPolicy", "customDomains", "exposedPort", "stickySessions"),
    "containers": ("command", "args", "probes", "volumeMounts"),
}
_SPACES = ("", " ", "\n  ", "\t")


class Mutation:
    """Writes requests anew; a seed makes it the same each time."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def url(self, uri: str) -> str:
        """The path's types in any case, letters percent-encoded, perhaps a slash at its end; the query reordered."""
        parts = urlsplit(uri)
        segments = parts.path.split("/")
        written = "/".join(
            self._segment(each, is_name=place % 2 == 0 and not each.lower().startswith("microsoft.")) if each else ""
            for place, each in enumerate(segments)
        )
        query = parse_qsl(parts.query, keep_blank_values=True)
        self._random.shuffle(query)
        pairs = [(self._cased(name) if name == "api-version" else name, value) for name, value in query]
        slash = self._random.choice(("", "/")) if not written.endswith("/") else ""
        return parts._replace(path=written + slash, query=urlencode(pairs)).geturl()

    def body(self, body: Any, *, nulls: bool) -> str:
        """The JSON with members in any order and case, numbers and truths as texts, and nulls where `nulls` may be."""
        mutated = self._value(body, "", nulls=nulls)
        space = self._random.choice(_SPACES)
        return space + json.dumps(mutated, indent=self._random.choice((None, 0, 3)), ensure_ascii=False) + space

    def _value(self, value: Any, name: str, *, nulls: bool) -> Any:
        if isinstance(value, list):
            return [self._value(each, name, nulls=nulls) for each in value]
        if isinstance(value, dict):
            return dict(self._members(value, name, nulls=nulls))
        return self._random.choice(self._forms(value, name))

    def _forms(self, value: Any, name: str) -> tuple[Any, ...]:
        if name in _ENUMERATIONS and isinstance(value, str):
            return (self._cased(value),)
        if isinstance(value, bool):
            return (value, str(value), str(value).lower())
        return (value, str(value)) if isinstance(value, int) else (value,)

    def _members(self, value: dict[str, Any], name: str, *, nulls: bool) -> Iterator[tuple[str, Any]]:
        members = list(value.items())
        if nulls:
            members += [(each, None) for each in _OPTIONAL.get(name, ()) if each not in value]
        self._random.shuffle(members)
        for key, inner in members:
            if name in _OPAQUE:
                yield key, inner
            else:
                yield self._cased(key), self._value(inner, key, nulls=nulls)

    def _segment(self, segment: str, *, is_name: bool) -> str:
        written = segment if is_name else self._cased(segment)
        if self._random.random() < 0.2:
            place = self._random.randrange(len(written))
            return f"{quote(written[:place])}%{ord(written[place]):02x}{quote(written[place + 1 :])}"
        return written

    def _cased(self, text: str) -> str:
        return self._random.choice((text, text.upper(), text.lower(), text.swapcase()))
