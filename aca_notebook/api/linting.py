"""Gathers what an app is judged by, so that `model.lint` can."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aca_notebook.errors import AcaError
from aca_notebook.model.lint import Subject, lint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.alert import Alert
    from aca_notebook.model.checkup import Check
    from aca_notebook.model.gpu import WorkloadProfileType


async def lint_app(access: Access, name: str, planned: Document | None = None) -> tuple[Check, ...]:
    """Judge an app by what guides recommend: as it is, or as it would be after a deploy that is only `planned`.

    Who may not read alerts is told that none looks. Raises `NotFound`.
    """
    documents, profiles, alerts = await asyncio.gather(
        access.ask(lambda services: services.apps.list()),
        access.ask(lambda services: services.environments.profiles()),
        _alerts(access),
    )
    document: Document = planned or dict(await access.ask(lambda services: services.apps.document(name)))
    others = [each for each in documents if each["name"] != name and _place(each) == _place(document)]
    return lint(Subject(document, _profile(document, profiles), _watched(name, alerts), len(others)))


async def _alerts(access: Access) -> tuple[Alert, ...]:
    with suppress(AcaError):
        return await access.ask(lambda services: services.alerts.list())
    return ()


def _watched(name: str, alerts: tuple[Alert, ...]) -> tuple[str, ...]:
    own = (each for each in alerts if each.app == name and each.enabled)
    return tuple(condition.metric for alert in own for condition in alert.conditions)


def _place(document: Document) -> str:
    return str((document.get("properties") or {}).get("environmentId") or "").lower()


def _profile(document: Document, profiles: Mapping[str, WorkloadProfileType]) -> str:
    name = str((document.get("properties") or {}).get("workloadProfileName") or "").lower()
    return next((found.name for known, found in profiles.items() if known.lower() == name), "")
