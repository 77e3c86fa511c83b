"""Which app a request to a shared address goes to, by its path: pure (documented: rule-based routing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: As `match` names them, the one that counts first where there are several.
PATH, SEPARATED, PREFIX = "path", "pathSeparatedPrefix", "prefix"


@dataclass(frozen=True, slots=True)
class PathRoute:
    """One route: a path that is matched in one of three ways, and where it leads; `name` is a revision or a label."""

    app: str
    name: str = ""
    kind: str = PREFIX
    text: str = "/"
    folded: bool = False  #: case does not matter
    rewrite: str | None = None  #: stands for what was matched


def read_routes(properties: Mapping[str, Any]) -> tuple[PathRoute, ...]:
    """Read the rules of a route config, in order; a rule without routes leads everything to its target."""
    everything: list[dict[str, Any]] = [{}]
    return tuple(
        _route(rule, route) for rule in properties.get("rules") or () for route in rule.get("routes") or everything
    )


def direct(routes: Iterable[PathRoute], target: bytes) -> tuple[PathRoute, bytes] | None:
    """Return the first route that takes a request's target, and the target that its app gets; None when none does."""
    path, mark, query = target.partition(b"?")
    for route in routes:
        if _matches(route, path):
            if route.rewrite is None:
                return route, target
            rest = b"" if route.kind == PATH else path[len(_text(route)) :]
            replaced = route.rewrite.encode()
            # Envoy alone would leave two slashes; that Azure's documented example does is unconfirmed.
            rewritten = replaced + (rest[1:] if replaced.endswith(b"/") and rest.startswith(b"/") else rest)
            return route, (rewritten if rewritten.startswith(b"/") else b"/" + rewritten) + mark + query
    return None


def _matches(route: PathRoute, path: bytes) -> bool:
    text = _text(route)
    if route.folded:
        text, path = text.lower(), path.lower()
    if route.kind == PATH:
        return path == text
    if route.kind == SEPARATED:
        return path == text or path.startswith(text + b"/")
    return path.startswith(text)


def _text(route: PathRoute) -> bytes:
    """What is matched; a separated prefix does not hold the slash that follows it."""
    return (route.text.rstrip("/") if route.kind == SEPARATED else route.text).encode()


def _route(rule: Mapping[str, Any], route: Mapping[str, Any]) -> PathRoute:
    targets: list[dict[str, Any]] = rule.get("targets") or [{}]
    target = targets[0]
    match = route.get("match") or {}
    kind = next((each for each in (PATH, SEPARATED, PREFIX) if match.get(each)), PREFIX)
    return PathRoute(
        app=str(target.get("containerApp") or "").lower(),
        name=str(target.get("revision") or target.get("label") or "").lower(),
        kind=kind,
        text=str(match.get(kind) or "/"),
        folded=match.get("caseSensitive") is False,
        rewrite=(route.get("action") or {}).get("prefixRewrite"),
    )
