"""Who gets an app's requests: weights of revisions, as words, as Azure's entries and back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LATEST = "latest"
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A revision's part of the requests in percent; `revision` is `latest` for whichever is the newest."""

    revision: str
    percent: int
    label: str = ""


def revision_name(app: str, word: str) -> str:
    """Return a revision's full name, of which people write the suffix."""
    return word if word.startswith(f"{app}--") else f"{app}--{word}"


def read_shares(app: str, words: Sequence[str]) -> tuple[Share, ...]:
    """Read `0000001=80 latest=20`; a single word without a number gets all of it.

    Raises `ValueError` with a sentence for what is no share, for a revision named twice, and for a sum that is not 100.
    """
    if len(words) == 1 and "=" not in words[0]:
        words = (f"{words[0]}={_WHOLE}",)
    shares = []
    for word in words:
        name, equals, percent = word.partition("=")
        if not name or not equals or not percent.isdigit() or int(percent) > _WHOLE:
            raise ValueError(f"{word!r} is no share; write REVISION=PERCENT, such as latest=20")
        shares.append(Share(LATEST if name == LATEST else revision_name(app, name), int(percent)))
    if len({share.revision for share in shares}) < len(shares):
        raise ValueError("a revision is named twice")
    total = sum(share.percent for share in shares)
    if total != _WHOLE:
        raise ValueError(f"the shares make {total} %, not 100 %")
    return tuple(shares)


def write_entries(shares: Sequence[Share], before: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return Azure's `traffic` entries for shares; labels of `before` stay, if need be with no weight."""
    labels = {str(entry.get("revisionName") or LATEST): str(entry.get("label") or "") for entry in before}
    wanted = {share.revision: share.percent for share in shares}
    for revision, label in labels.items():
        if label:
            wanted.setdefault(revision, 0)
    entries = []
    for revision, percent in wanted.items():
        entry: dict[str, Any] = {"weight": percent}
        entry |= {"latestRevision": True} if revision == LATEST else {"revisionName": revision}
        if labels.get(revision):
            entry["label"] = labels[revision]
        entries.append(entry)
    return entries


def read_entries(entries: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    """Return the shares of Azure's `traffic` entries."""
    return tuple(
        Share(
            LATEST if entry.get("latestRevision") else str(entry.get("revisionName") or ""),
            int(entry.get("weight") or 0),
            str(entry.get("label") or ""),
        )
        for entry in entries
    )
