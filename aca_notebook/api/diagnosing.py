"""Gathers what is known of an app, so that `model.diagnosis` can say why it is as it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from aca_notebook.api.console_records import import_sentence, own_lines
from aca_notebook.api.logs import redacted
from aca_notebook.api.secrets import know_secrets
from aca_notebook.errors import AcaError
from aca_notebook.model.diagnosis import Evidence, Finding, decide_why

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.app import AppState
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ReplicaState

_SYSTEM_TAIL = 100
_CONSOLE_TAIL = 40


async def diagnose(access: Access, app: AppState) -> Finding:
    """Ask for the document, the revisions, their replicas and the ends of both logs, at once, and judge.

    What cannot be had (a log of a replica that has just gone) is left out: the rest may still explain it.
    """
    await know_secrets(access, app.name)
    document, revisions, replicas = await asyncio.gather(
        access.ask(lambda services: services.apps.document(app.name)),
        access.ask(lambda services: services.apps.revisions(app.name)),
        _replicas(access, app),
    )
    system, console = await asyncio.gather(_system(access, app, document), _console(access, app.name, replicas))
    errors = document["properties"].get("deploymentErrors") or ""
    system, console = (tuple(redacted(lines, access.redactor)) for lines in (system, console))
    of_latest = tuple(line for line in system if line.revision in {"", app.latest_revision})
    return decide_why(
        Evidence(
            app, revisions, replicas, of_latest, own_lines(console), import_error=import_sentence(console),
            deployment_errors=errors if isinstance(errors, str) else json.dumps(errors),
        )
    )  # fmt: skip


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
