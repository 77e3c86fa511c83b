"""Deployments tried before they run: the same routes refuse what they would refuse, and nothing is written.

While a trial is on (`Store.trial`), a handler that gets as far as its first write ends there, and what it would have
written is seen by the resources that are tried after it. So validation knows every rule the routes know, and a
prediction compares what is there with what would be.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.deployment_faults import error_of, expression_failed
from aca_notebook.emulator.arm.deployment_requests import Settled, read_asked, settle
from aca_notebook.emulator.arm.inventory import resources_in
from aca_notebook.emulator.arm.lookups import Lookups
from aca_notebook.emulator.arm.store import Tried
from aca_notebook.emulator.arm.templates.hashes import minified
from aca_notebook.emulator.arm.templates.outputs import output_of, wanted_outputs
from aca_notebook.emulator.arm.templates.scopes import Unresolved
from aca_notebook.emulator.arm.templates.syntax import ExpressionError
from aca_notebook.emulator.arm.templates.values import predicted
from aca_notebook.emulator.arm.templates.what_if import changes, snapshot
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.deployment_places import DeploymentPlaces
    from aca_notebook.emulator.arm.inner_calls import Caller, InnerCalls
    from aca_notebook.emulator.arm.store import Store, Trial
    from aca_notebook.emulator.arm.templates.plan import Resource
    from aca_notebook.emulator.arm.templates.scopes import Moment
    from aca_notebook.emulator.arm.vault_parameters import VaultParameters

Document = dict[str, Any]
#: States that a resource is in while it is made: a trial sees it as it will be.
_ON_THE_WAY = frozenset({"Waiting", "InProgress", "Creating", "Updating", "Accepted", "Running", "Provisioning"})
#: What the routes say about the present moment and not about the template.
_PASSING = frozenset({409, 412, 429})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What would become of one resource: the document it would have, or why it would be refused."""

    resource: Resource
    after: Document | None
    error: Document | None = None


@dataclass(slots=True)
class Findings:
    """What a trial has shown, nested deployments included."""

    attempts: list[Attempt] = field(default_factory=list)

    @property
    def errors(self) -> list[Document]:
        """Why it would fail."""
        return [each.error for each in self.attempts if each.error is not None]


class Preflight:
    """Tries deployments."""

    def __init__(
        self, store: Store, places: DeploymentPlaces, calls: InnerCalls, vaults: VaultParameters
    ) -> None:  # fmt: skip
        self.places = places
        self.calls = calls
        self.vaults = vaults
        self._store = store

    async def try_all(self, settled: Settled, caller: Caller, moment: Moment) -> Findings:
        """Try every resource in the order of their dependencies."""
        findings = Findings()
        with self._store.trial() as trial:
            await _Attempting(self, caller, moment, trial, findings).through(settled)
        return findings

    async def predict(self, settled: Settled, caller: Caller, moment: Moment) -> list[Document]:
        """Return the changes that a deployment would make, as what-if answers them.

        Raises `AzureError` for a deployment that would be refused.
        """
        findings = await self.try_all(settled, caller, moment)
        if findings.errors:
            first = findings.errors[0]
            raise AzureError(400, first["code"], first["message"], details=findings.errors[1:])
        full = settled.asked.result_format.lower() != "resourceidonly"
        found = [self._change(each, full=full) for each in findings.attempts]
        return found + self._untouched(settled, {each.resource.key for each in findings.attempts}, full=full)

    def _change(self, attempt: Attempt, *, full: bool) -> Document:
        resource, stands = attempt.resource, self._store.get(parse_id(attempt.resource.id))
        version = resource.api_version
        before = snapshot(stands, version) if stands else None
        after = snapshot(attempt.after, version) if attempt.after else None
        delta = changes(before, after) if before is not None and after is not None else []
        kind = "Create" if before is None else "Modify" if delta else "NoChange"
        if not full:
            kind = "Create" if before is None else "Deploy"
        found: Document = {"resourceId": resource.id, "changeType": kind}
        if resource.symbol:
            found["symbolicName"] = resource.symbol
        if full:
            found |= {"before": before, "after": after, "delta": delta or None}
        return {name: value for name, value in found.items() if value is not None}

    def _untouched(self, settled: Settled, touched: set[str], *, full: bool) -> list[Document]:
        """What lies in the group and is not in the template: left alone, or deleted by a complete deployment."""
        group = settled.plan.scope.place.group
        if group is None:
            return []
        id_ = parse_id(group["id"])
        kind = "Delete" if settled.asked.mode == "Complete" else "Ignore"
        return [
            {"resourceId": each["id"], "changeType": kind} | ({"before": snapshot(each, "")} if full else {})
            for each in resources_in(self._store, id_.subscription, id_.resource_group)
            if each["id"].lower() not in touched and parse_id(each["id"]).key not in touched
        ]


class _Attempting:
    """One trial."""

    def __init__(
        self, preflight: Preflight, caller: Caller, moment: Moment, trial: Trial, findings: Findings
    ) -> None:  # fmt: skip
        self._calls = preflight.calls
        self._places = preflight.places
        self._vaults = preflight.vaults
        self._caller = caller
        self._moment = moment
        self._trial = trial
        self._findings = findings
        self._lookups = Lookups(self._calls, caller, secrets=False)

    async def through(self, settled: Settled) -> None:
        failed: set[str] = set()
        for resource in settled.plan.deployed:
            await asyncio.sleep(0)  # others are answered in between: a trial does no I/O that would let them
            if resource.needs & failed:
                failed.add(resource.key)
                continue
            attempt = await self._one(settled, resource)
            if attempt is None:
                continue
            self._findings.attempts.append(attempt)
            if attempt.error is not None:
                failed.add(resource.key)

    async def _one(self, settled: Settled, resource: Resource) -> Attempt | None:
        whole = True
        try:
            body = await self._lookups.settle(resource.body)
        except ExpressionError as wrong:
            position = settled.asked.source.position(resource.path)
            return Attempt(resource, None, error_of(expression_failed(resource.id, position, wrong)))
        except (Unresolved, AzureError):
            # What is told only while it runs, such as a key, stays the expression that it is.
            whole, body = False, _foretold(resource, self._lookups.known)
        if resource.is_deployment:
            await self._inside(resource, body)
            return None
        answer: Document | None = None
        try:
            asked = await self._calls("PUT", resource.id, resource.api_version, self._caller, body)
            answer = asked.checked()
        except Tried:
            pass
        except AzureError as refused:
            if whole and refused.status not in _PASSING:
                return Attempt(resource, None, error_of(refused))
        return Attempt(resource, self._after(resource, body, answer))

    def _after(self, resource: Resource, body: Document, answer: Document | None) -> Document:
        id_ = parse_id(resource.id)
        document = self._trial.documents.get(id_.key) or answer
        if document is None:  # refused because of what is not known yet: as the template has it
            document = {"id": resource.id, "name": id_.name, "type": resource.type, **body}
        document = _arrived(document)
        self._trial.note(id_, document)
        return document

    async def _inside(self, resource: Resource, body: Document) -> None:
        """Try the template of a deployment inside, and let what is outside see its outputs."""
        id_ = parse_id(resource.id)
        asked = self._vaults.settled(read_asked(minified(body)), self._caller)
        place = self._places.place(id_, asked, self._caller)
        inner = settle(asked, place, self._moment)
        await self.through(inner)
        outputs: Document = {}
        for name, declared in wanted_outputs(asked.template).items():
            try:
                output = await self._lookups.settle(partial(output_of, declared, inner.plan.scope))
            except (ExpressionError, AzureError, Unresolved):
                continue
            if output is not None:
                outputs[name] = {"type": output.type, "value": output.value}
        properties = {"provisioningState": "Succeeded", "outputs": outputs}
        self._trial.note(id_, {"id": resource.id, "name": id_.name, "type": resource.type, "properties": properties})


def _foretold(resource: Resource, known: Any) -> Document:
    try:
        return resource.body_with(predicted, known)
    except ExpressionError:
        return {}


def _arrived(document: Document) -> Document:
    properties = document.get("properties")
    if not isinstance(properties, dict) or properties.get("provisioningState") not in _ON_THE_WAY:
        return document
    return document | {"properties": properties | {"provisioningState": "Succeeded"}}
