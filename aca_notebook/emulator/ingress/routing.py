"""Which revision and which replica a request goes to: pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aca_notebook.emulator.ingress.rules import rules_at
from aca_notebook.emulator.runtime.desired import Ingress
from aca_notebook.emulator.runtime.reconcile import is_ready, live_revisions, serving_revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.runtime.desired import App
    from aca_notebook.emulator.runtime.ingress_rules import IngressRules
    from aca_notebook.emulator.runtime.observed import ObservedApp


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One replica that may get requests, on a port of the loopback address."""

    revision: str
    replica: str
    port: int


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All a request to an app needs: `shares` are (revision, weight) of those that may get any, weights above zero.

    `named` maps revision names and labels, which host names may ask for, to revisions; `failures` says why a revision
    will not answer; `rules` hold for requests over TLS and `plain_rules` for the others, None where nothing is asked.
    `hosts` are custom domains, in lower case.
    """

    app_key: str
    app_name: str
    environment: str = ""
    running: bool = True
    sticky: bool = False
    shares: tuple[tuple[str, int], ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    rules: IngressRules | None = None
    plain_rules: IngressRules | None = None
    hosts: frozenset[str] = frozenset()


def routing_table(app: App, observed: ObservedApp) -> RoutingTable:
    """Return the table for what is desired and what runs now."""
    live = live_revisions(app, observed)
    newest = serving_revision(app, observed) or app.latest_revision
    endpoints = {}
    failures = {}
    for revision in live:
        state = observed.revisions.get(revision.name)
        if state is None:
            continue
        first = revision.containers[0].name if revision.containers else ""
        endpoints[revision.name] = tuple(
            Endpoint(revision.name, replica.name, replica.containers[first].port)
            for replica in state.replicas.values()
            if is_ready(revision, replica)
        )
        if state.failed_reason:
            failures[revision.name] = state.failed_message or state.failed_reason
    names = {revision.name for revision in live}
    shares, labels = _shares(app, newest, names)
    ingress = app.ingress or Ingress()
    return RoutingTable(
        app.key, app.name, app.environment, app.running and app.ingress is not None,
        ingress.sticky, shares,
        {name.lower(): name for name in names} | labels, endpoints, failures,
        rules=rules_at(ingress.rules, secure=True), plain_rules=rules_at(ingress.rules, secure=False),
        hosts=ingress.hosts,
    )  # fmt: skip


def addressable(app: App) -> set[str]:
    """Return the names, in lower case, that may have an address of their own: active revisions and labels."""
    labels = app.ingress.traffic if app.ingress is not None else ()
    revisions = {revision.name.lower() for revision in app.revisions if revision.active}
    return revisions | {entry.label.lower() for entry in labels if entry.label}


def narrowed(table: RoutingTable, name: str) -> RoutingTable:
    """Return the table of an address that answers for one revision or label alone."""
    revision = table.named.get(name)
    return replace(table, shares=((revision, 100),) if revision else (), named={})


def choose_revision(table: RoutingTable, draw: float, host: str = "") -> str:
    """Return the revision that gets a request; `draw` is uniform in [0, 1); empty when there is none.

    A host name that begins with a revision's name or `APP---LABEL` gets that revision.
    """
    if host and table.named:
        first = host.partition(".")[0].lower()
        asked = table.named.get(first) or table.named.get(first.removeprefix(f"{table.app_name.lower()}---"))
        if asked:
            return asked
    if len(table.shares) == 1:
        return table.shares[0][0]
    mark = draw * sum(weight for _, weight in table.shares)
    for revision, weight in table.shares:
        mark -= weight
        if mark < 0:
            return revision
    return table.shares[-1][0] if table.shares else ""


def choose_endpoint(
    endpoints: tuple[Endpoint, ...], in_flight: Mapping[int, int], affinity: str = ""
) -> Endpoint | None:
    """Return the replica with the fewest open requests, or the one `affinity` names if it is still there."""
    if affinity:
        for endpoint in endpoints:
            if endpoint.replica == affinity:
                return endpoint
    if len(endpoints) == 1:
        return endpoints[0]
    return min(endpoints, key=lambda endpoint: in_flight.get(endpoint.port, 0), default=None)


def _shares(app: App, newest: str, live: set[str]) -> tuple[tuple[tuple[str, int], ...], dict[str, str]]:
    everything = ((newest, 100),) if newest in live else ()
    if app.ingress is None:
        return (), {}
    labels = {
        entry.label.lower(): newest if entry.latest else entry.revision
        for entry in app.ingress.traffic
        if entry.label and (entry.latest or entry.revision in live)
    }
    if app.single:
        return everything, labels
    weights: dict[str, int] = {}
    for entry in app.ingress.traffic:
        revision = newest if entry.latest else entry.revision
        if entry.weight > 0 and revision in live:
            weights[revision] = weights.get(revision, 0) + entry.weight
    return tuple(weights.items()) or everything, labels
