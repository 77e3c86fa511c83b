"""The subscription and the group a path names, checked before anything is done in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.faults import group_not_found, subscription_not_found
from aca_notebook.model.ids import ResourceId, group_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.store import Store

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
APP_PROVIDER = f"{GROUP}/providers/Microsoft.App"
ENVIRONMENT = f"{APP_PROVIDER}/managedEnvironments/{{environment}}"
APP = f"{APP_PROVIDER}/containerApps/{{app}}"
#: What extensions can be about: any resource, and one in another.
RESOURCE = f"{GROUP}/providers/{{provider}}/{{type}}/{{resource}}"
INNER_RESOURCE = f"{RESOURCE}/{{inner_type}}/{{inner}}"


class Scope:
    """Reads ids out of requests; knows the one subscription there is."""

    def __init__(self, store: Store, subscription_id: str) -> None:
        self._store = store
        self.subscription_id = subscription_id

    def subscription(self, request: Request) -> str:
        """Return the subscription of a request.

        Raises `AzureError` 404 for any but ours.
        """
        name = str(request.path_params["subscription"])
        if name.lower() != self.subscription_id.lower():
            raise subscription_not_found(name)
        return self.subscription_id

    def group(self, request: Request) -> ResourceId:
        """Return the id of the request's group, in the case it was made with.

        Raises `AzureError` 404 when subscription or group is not there.
        """
        wanted = group_id(self.subscription(request), str(request.path_params["group"]))
        document = self._store.get(wanted)
        if document is None:
            raise group_not_found(wanted.name)
        return group_id(wanted.subscription, document["name"])

    def resource(self, request: Request, provider: str, type_: str) -> ResourceId:
        """Return the id of the request's `{name}` of a type.

        Raises `AzureError` 404 when subscription or group is not there.
        """
        group = self.group(request)
        name = str(request.path_params["name"])
        return ResourceId(group.subscription, group.resource_group, provider, (type_,), (name,))
