"""The words that answers are described in: a status with its body and headers, and the shapes that many nouns share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.shapes import MapOf, Shape
from aca_notebook.emulator.arm.stored import OneOf
from aca_notebook.emulator.arm.values import member, text, truth

if TYPE_CHECKING:
    from enum import StrEnum

Table = Mapping[str, Shape]
STATUS_URL, RESULT_URL = "Azure-AsyncOperation", "Location"


@dataclass(frozen=True, slots=True)
class Answer:
    """One status: its body, None where there is none, and the headers that are always there."""

    body: Shape | None = None
    headers: tuple[str, ...] = ()


Answers = dict[int, Answer]
GONE: Answers = {204: Answer()}
EMPTY: Answers = {200: Answer()}


REFUSAL = Answer({"error!": {"code!": text, "message!": text, "details": [member]}})


def words(enum: type[StrEnum]) -> OneOf:
    """Return the shape of an enumeration's value."""
    return OneOf(tuple(str(each) for each in enum))


def one(shape: Shape) -> Answers:
    """Answer 200 and one of these."""
    return {200: Answer(shape)}


def listed(shape: Shape) -> Answers:
    """Answer 200 and a page of these."""
    return {200: Answer({"value!": [shape], "nextLink": text})}


def followed() -> Answers:
    """Answer 202 and where to ask for the end."""
    return {202: Answer(None, (RESULT_URL,))}


def kept(
    name: str, shape: Shape, *, made: int = 200, removed: int = 200, listing: str = "List", patched: bool = False
) -> dict[str, Answers]:
    """A noun that is only kept: written, read, listed and removed."""
    return {
        f"{name}_CreateOrUpdate": {status: Answer(shape) for status in sorted({200, made})},
        f"{name}_Get": one(shape),
        f"{name}_Delete": {status: Answer() for status in sorted({removed, 204})},
        f"{name}_{listing}": listed(shape),
    } | ({f"{name}_Update": one(shape)} if patched else {})


SYSTEM_DATA: Shape = {
    f"{when}{what}": text for when in ("created", "lastModified") for what in ("By", "ByType", "At")
}  # fmt: skip
RESOURCE: Table = {"id!": text, "name!": text, "type!": text, "systemData": SYSTEM_DATA}
TRACKED: Table = {**RESOURCE, "location!": text, "tags": MapOf(text)}
IDENTITY: Shape = {
    "type!": text, "principalId": text, "tenantId": text,
    "userAssignedIdentities": MapOf({"principalId!": text, "clientId!": text}),
}  # fmt: skip
AVAILABLE: Shape = {"nameAvailable!": truth, "reason": text, "message": text}
#: A resource that is kept as it came: what stands in it is the caller's.
KEPT: Shape = {**RESOURCE, "location": text, "tags": MapOf(text), "properties!": {}}
