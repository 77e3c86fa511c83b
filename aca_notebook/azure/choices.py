"""Lists what a target could be: subscriptions, and the environments and registries of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import documents, faults
from aca_notebook.azure.connection import AS_IT_IS
from aca_notebook.model.choices import Choices, Place, Registry, Subscription
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.azure.connection import Connection

_API_VERSION = "2022-12-01"


async def look(connection: Connection) -> Choices:
    """Return what there is in the target's subscription, or which subscriptions there are when it names none.

    Raises `Unauthorized` when nobody is signed in.
    """
    target = connection.target
    if not target.subscription_id:
        return Choices(await _subscriptions(connection))
    with faults.translated("the environments"):
        environments = [
            each.as_dict() async for each in connection.container_apps.managed_environments.list_by_subscription()
        ]
    with faults.translated("the registries"):
        registries = [each.as_dict() async for each in connection.registries.registries.list()]
    return Choices(
        (), target.subscription_id, tuple(_place(each) for each in environments),
        tuple(Registry(each["name"], parse_id(each["id"]).resource_group) for each in registries),
    )  # fmt: skip


async def _subscriptions(connection: Connection) -> tuple[Subscription, ...]:
    """No package that we have knows this one request (facts §1.4)."""
    found: list[dict[str, Any]] = []
    address = f"{connection.target.resource_manager}/subscriptions?api-version={_API_VERSION}"
    while address:
        with faults.translated("the subscriptions"):
            token = await connection.credential.get_token(connection.target.scope)
            headers = AS_IT_IS | {"Authorization": f"Bearer {token.token}"}
            async with connection.session.get(address, headers=headers) as answer:
                text = await answer.text()
                if answer.status >= 300:
                    raise faults.refused(answer.status, text, answer.headers, "the subscriptions")
        page = json.loads(text)
        found += page.get("value") or []
        address = str(page.get("nextLink") or "")
    return tuple(
        Subscription(str(each["subscriptionId"]), str(each.get("displayName") or ""))
        for each in found
        if each.get("state", "Enabled") == "Enabled"
    )


def _place(document: dict[str, Any]) -> Place:
    profiles = documents.read_profiles(document).values()
    gpus = tuple(sorted({each.gpu_model for each in profiles if each.gpu_model}))
    return Place(document["name"], parse_id(document["id"]).resource_group, str(document.get("location") or ""), gpus)
