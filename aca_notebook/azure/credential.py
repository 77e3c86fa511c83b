"""Credentials, as factories: the transport they must use exists only on the Workspace's loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from azure.core.credentials_async import AsyncTokenCredential

from aca_notebook.model.clouds import PUBLIC, Cloud

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

    from aca_notebook.azure.ways import Person, Setting
    from aca_notebook.clock import Clock

#: Makes a credential that speaks through the given transport.
CredentialFactory = Callable[["AioHttpTransport"], AsyncTokenCredential]


def client_secret(
    *, authority: str, tenant_id: str, client_id: str, secret: str, connect_retries: int = 3
) -> CredentialFactory:  # fmt: skip
    """A service principal at an authority that is not Microsoft's: it is not looked up in the public directory."""

    def make(transport: AioHttpTransport) -> AsyncTokenCredential:
        from azure.identity.aio import ClientSecretCredential

        return ClientSecretCredential(
            tenant_id, client_id, secret, authority=authority, disable_instance_discovery=True, transport=transport,
            retry_connect=connect_retries,
        )  # fmt: skip

    return make


def default(cloud: Cloud = PUBLIC) -> CredentialFactory:
    """Whatever the person is logged in with: environment, managed identity, `az login`, VS Code."""

    def make(_: AioHttpTransport) -> AsyncTokenCredential:
        from azure.identity.aio import DefaultAzureCredential

        from aca_notebook.azure.ways import PROCESS_SECONDS, Setting

        return DefaultAzureCredential(process_timeout=PROCESS_SECONDS, **Setting(cloud).options())

    return make


def signed_in(way: str, setting: Setting, person: Person | None, clock: Clock) -> CredentialFactory:
    """The way somebody signed in by; its next token is had in the background, while the present one holds."""

    def make(_: AioHttpTransport) -> AsyncTokenCredential:
        from aca_notebook.azure.renewing import Renewing
        from aca_notebook.azure.ways import silent_credential

        if person is not None:
            return Renewing(person.token, clock)
        silent = silent_credential(way, setting)
        return Renewing(silent.get_token, clock, silent.close)

    return make
