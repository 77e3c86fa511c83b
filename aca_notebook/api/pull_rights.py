"""Lets an app pull its image with an identity of its own, which exists only once the app does.

As `az containerapp create --registry-identity system` goes about it: a new app is made with a public image, its
identity gets AcrPull, and only then is it told to run what was asked for (recorded: app_failed_registry_msi,
registry_identity_system). An app that is there already keeps what it runs meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.errors import UsageFailed
from aca_notebook.model.roles import ACR_PULL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document

QUICKSTART = "mcr.microsoft.com/k8se/quickstart:latest"


async def let_app_pull(
    access: Access, wanted: Document, before: Document | None,
    make: Callable[[Document], Awaitable[Document]], change: Callable[[Document], Awaitable[Document]],
) -> None:  # fmt: skip
    """Give the app's own identity AcrPull on the registry of its image.

    `make` puts an app that is not there yet; of one that is, which goes on serving, `change` merges in the identity
    alone. Both return the app. Raises `UsageFailed` for a registry that the subscription does not have.
    """
    server = wanted["properties"]["configuration"]["registries"][0]["server"]
    if before is None:
        await let_in(access, server, before, lambda: make(waiting(wanted)))
    else:
        await let_in(access, server, before, lambda: change({"identity": wanted["identity"]}))


async def let_in(
    access: Access, server: str, before: Document | None, identify: Callable[[], Awaitable[Document]]
) -> None:
    """Give an app's own identity AcrPull on a registry; `identify` gives one to an app that has none.

    Raises `UsageFailed` for a registry that the subscription does not have.
    """
    scope = await access.ask(lambda services: services.subscriptions.registry_id(server))
    if not scope:
        raise UsageFailed(
            f"the subscription has no registry {server!r}", code="RegistryNotFound",
            hint="name one of `az acr list -o table`: --registry-server NAME.azurecr.io",
        )  # fmt: skip
    principal = principal_of(before) or principal_of(await identify())
    given = await access.ask(lambda services: services.subscriptions.role_assignments(scope, principal))
    if not any(str(each["roleDefinitionId"]).endswith(ACR_PULL) for each in given):
        await access.ask(lambda services: services.roles.assign(ACR_PULL, scope, principal))


def principal_of(document: Document | None) -> str:
    """Return whom the app's own identity is known as; empty while it has none."""
    return str(((document or {}).get("identity") or {}).get("principalId") or "")


def waiting(wanted: Document) -> dict[str, Any]:
    """Return the app as it waits for its right: a public image, no replica, no way in, its identity. Pure."""
    properties = wanted["properties"]
    name = properties["template"]["containers"][0]["name"]
    return {
        **{key: wanted[key] for key in ("location", "tags", "identity") if key in wanted},
        "properties": {
            "environmentId": properties["environmentId"],
            "workloadProfileName": "Consumption",
            "configuration": {"activeRevisionsMode": "Single"},
            "template": {
                "containers": [{"name": name, "image": QUICKSTART, "resources": {"cpu": 0.25, "memory": "0.5Gi"}}],
                "scale": {"minReplicas": 0, "maxReplicas": 1},
            },
        },
    }
