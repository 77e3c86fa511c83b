"""Gathers what is known of an app, so that `model.diagnosis` can say why it is as it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from aca_notebook.api.console_records import import_sentence, own_lines
from aca_notebook.api.logs import redacted
from aca_notebook.errors import AcaError
from aca_notebook.model.diagnosis import Evidence, Finding, decide_why
from aca_notebook.model.log import LogLine
from aca_notebook.model.named_query import NamedQuery, to_kql

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.app import AppState
    from aca_notebook.model.revision import ReplicaState

_SYSTEM_TAIL = 100
_CONSOLE_TAIL = 40
_SWITCHED_OFF = "RevisionDeactivating"
#: A revision that was switched on again has newer lines that count.
_BEGAN = ("AssigningReplica", "ContainerStarted", "PulledImage")
_LAST_WORDS = 'where Revision == "{revision}" | top {tail} by At desc | project At, Log, Replica'


async def diagnose(access: Access, app: AppState) -> Finding:
    """Ask for the document, the revisions, their replicas and the ends of both logs, at once, and judge.

    What cannot be had (a log of a replica that has just gone) is left out: the rest may still explain it.
    """
    await access.known_secrets.ask(access, app.name)
    document, revisions, replicas = await asyncio.gather(
        access.ask(lambda services: services.apps.document(app.name)),
        access.ask(lambda services: services.apps.revisions(app.name)),
        _replicas(access, app),
    )
    system, console = await asyncio.gather(_system(access, app, document), _console(access, app.name, replicas))
    if not console and not replicas and app.latest_revision != app.latest_ready_revision:
        console = await _kept(access, app)
    errors = document["properties"].get("deploymentErrors") or ""
    system, console = (tuple(redacted(lines, access.redactor)) for lines in (system, console))
    of_latest = before_the_end(tuple(line for line in system if line.revision in {"", app.latest_revision}))
    return decide_why(
        Evidence(
            app, revisions, replicas, of_latest, own_lines(console), import_error=import_sentence(console),
            deployment_errors=errors if isinstance(errors, str) else json.dumps(errors),
        )
    )  # fmt: skip


def before_the_end(system: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
    """Leave out what followed when a revision was switched off: how its programs ended then explains nothing."""
    ends = [place for place, line in enumerate(system) if line.reason == _SWITCHED_OFF]
    began = [place for place, line in enumerate(system) if line.reason in _BEGAN]
    return system[: ends[-1]] if ends and ends[-1] > max(began, default=-1) else system


async def _replicas(access: Access, app: AppState) -> tuple[ReplicaState, ...]:
    if not app.latest_revision:
        return ()
    return await access.ask(lambda services: services.apps.replicas(app.name, app.latest_revision))


async def _system(access: Access, app: AppState, document: Document) -> tuple[LogLine, ...]:
    endpoint = document["properties"].get("eventStreamEndpoint") or ""
    lines: list[LogLine] = []
    if endpoint:
        with suppress(AcaError):
            token = await access.ask(lambda services: services.apps.auth_token(app.name))
            async with access.services.logs.system(endpoint, token, tail=_SYSTEM_TAIL, follow=False) as stream:
                lines += [line async for line in stream]
    return tuple(lines)


async def _console(access: Access, app: str, replicas: tuple[ReplicaState, ...]) -> tuple[LogLine, ...]:
    lines: list[LogLine] = []
    for replica in replicas:
        for container in replica.containers:
            if not container.log_stream_endpoint:
                continue
            with suppress(AcaError):
                token = await access.ask(lambda services: services.apps.auth_token(app))
                opened = access.services.logs.console(
                    container.log_stream_endpoint, token, tail=_CONSOLE_TAIL, follow=False, replica=replica.name
                )
                async with opened as stream:
                    lines += [line async for line in stream]
    return tuple(lines)


async def _kept(access: Access, app: AppState) -> tuple[LogLine, ...]:
    """What replicas that are gone wrote last, by the log tables; those of Azure have a line after minutes."""
    kql = _LAST_WORDS.format(revision=app.latest_revision, tail=_CONSOLE_TAIL)
    lines: list[LogLine] = []
    with suppress(AcaError):
        workspace = await access.ask(lambda services: services.log_queries.workspace())
        question = NamedQuery("last-words", "", "Console", kql)
        text = to_kql(question, resource_specific=workspace.resource_specific, app=app.name)
        answer = await access.ask(lambda services: services.log_queries.ask(text, None))
        lines = [
            LogLine(str(log), at, revision=app.latest_revision, replica=str(replica))
            for at, log, replica in reversed(answer.rows)
        ]
    return tuple(lines)
