"""The ways to sign in, in the order in which they are tried: each is one credential of azure-identity."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport

from aca_notebook.model.clouds import CLOUDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azure.core.credentials import AccessToken
    from azure.identity import AuthenticationRecord

    from aca_notebook.model.clouds import Cloud

#: `az` takes up to 13 s on a cold start and is cut at 10 by default (azure-cli#29329).
PROCESS_SECONDS = 60
ENVIRONMENT, WORKLOAD, MANAGED = "environment", "workload identity", "managed identity"
AZ, AZD, POWERSHELL = "az", "azd", "PowerShell"
DEVICE, BROWSER = "device code", "browser"
#: Those that ask nobody, in azure-identity's own order.
SILENT = (ENVIRONMENT, WORKLOAD, MANAGED, AZ, AZD, POWERSHELL)
#: Where a managed identity is had without asking the network: everywhere but on a plain virtual machine (SDK).
_MANAGED_BY = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
_CACHE = "aca-notebook"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a sign-in is about: the cloud, and the tenant when one is named. `ca_bundle` is what its authority shows.

    `persist` is whether the system's key store may be used, if it has one.
    """

    cloud: Cloud
    tenant: str = ""
    ca_bundle: str = ""
    persist: bool = True

    @property
    def authority(self) -> str:
        """Where tokens come from: the cloud's own, or what the environment says, as for azure-identity."""
        return os.environ.get("AZURE_AUTHORITY_HOST") or self.cloud.authority

    def options(self) -> dict[str, Any]:
        """What each credential that speaks to the authority takes. One that is not Microsoft's is looked up nowhere."""
        host = urlsplit(self.authority if "://" in self.authority else f"https://{self.authority}").netloc.lower()
        known = host in {urlsplit(cloud.authority).netloc for cloud in CLOUDS}
        return {"authority": self.authority, **({} if known else {"disable_instance_discovery": True})}


def silent_credential(way: str, setting: Setting) -> Any:
    """Return the async credential of a way that asks nobody."""
    from azure.identity import aio

    tenant = {"tenant_id": setting.tenant} if setting.tenant else {}
    process: dict[str, Any] = {**tenant, "process_timeout": PROCESS_SECONDS}
    make: dict[str, Callable[[], Any]] = {
        ENVIRONMENT: lambda: aio.EnvironmentCredential(**setting.options()),
        WORKLOAD: lambda: aio.WorkloadIdentityCredential(**setting.options()),
        MANAGED: lambda: aio.ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID") or None),
        AZ: lambda: aio.AzureCliCredential(**process),
        AZD: lambda: aio.AzureDeveloperCliCredential(**process),
        POWERSHELL: lambda: aio.AzurePowerShellCredential(**process),
    }
    return make[way]()


def worth_trying(way: str) -> str:
    """Return why a way need not be tried, empty when it may give a token: nobody should wait for what cannot be."""
    import shutil

    if way == MANAGED and not any(os.environ.get(name) for name in _MANAGED_BY) and not _on_azure():
        return "this machine is none of Azure's"
    program = {AZ: "az", AZD: "azd", POWERSHELL: "pwsh"}.get(way)
    return f"{program} is not installed" if program and shutil.which(program) is None else ""


def _on_azure() -> bool:
    """Whether this is a virtual machine of Azure's, which its chassis tells without a question on the network.

    The tag is the same on each (documented: detecting Azure VMs); elsewhere the address of metadata only times out.
    """
    try:
        tag = Path("/sys/class/dmi/id/chassis_asset_tag").read_text().strip()
    except OSError:
        return False
    return tag == "7783-7084-3265-9085-8269-3286-77"


class Person:
    """A person's sign-in: azure-identity's own credential, which blocks, in a thread; tokens are kept by MSAL.

    `stop` ends a sign-in that still waits for the person, at its next question to the authority.
    """

    def __init__(
        self, way: str, setting: Setting, *, record: AuthenticationRecord | None = None,
        on_code: Callable[[str, str, datetime], None] | None = None,
    ) -> None:  # fmt: skip
        from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential

        self._stopped = threading.Event()
        self.persistent = setting.persist and _can_persist()
        verify = {"connection_verify": setting.ca_bundle} if setting.ca_bundle else {}
        options: dict[str, Any] = setting.options() | {"transport": _Stoppable(self._stopped, **verify)}
        if setting.tenant:
            options["tenant_id"] = setting.tenant
        options["disable_automatic_authentication"] = True  # a token is for a call, which asks nobody for a code
        if record is not None:
            options["authentication_record"] = record
        if self.persistent:
            from azure.identity import TokenCachePersistenceOptions

            options["cache_persistence_options"] = TokenCachePersistenceOptions(name=_CACHE)
        self._credential: DeviceCodeCredential | InteractiveBrowserCredential
        if way == DEVICE:
            self._credential = DeviceCodeCredential(prompt_callback=on_code, **options)
        else:
            self._credential = InteractiveBrowserCredential(**options)

    async def authenticate(self, scope: str) -> AuthenticationRecord:
        """Ask the person and return who it is, without a secret."""
        try:
            return await asyncio.to_thread(self._credential.authenticate, scopes=[scope])
        except asyncio.CancelledError:
            self._stopped.set()
            raise

    async def token(self, scope: str, **asked: Any) -> AccessToken:
        """Return a token without asking anybody. Raises `ClientAuthenticationError` when only the person can help."""
        from azure.identity import AuthenticationRequiredError

        try:
            return await asyncio.to_thread(self._credential.get_token, scope, **asked)
        except AuthenticationRequiredError as ended:
            raise ClientAuthenticationError(message="the sign-in has ended") from ended


class _Stoppable(RequestsTransport):  # type: ignore[misc]  # requests publishes no types
    """Asks nothing more once it was stopped: a thread cannot be cancelled, but what it waits for can be refused."""

    def __init__(self, stopped: threading.Event, **options: Any) -> None:
        super().__init__(**options)
        self._stopped = stopped

    def send(self, request: Any, **options: Any) -> Any:
        """Send a request."""
        if self._stopped.is_set():
            raise ClientAuthenticationError(message="the sign-in was stopped")
        return super().send(request, **options)


def _can_persist() -> bool:
    """Whether tokens can be kept encrypted: by Keychain, Windows' data protection or libsecret; never in the clear."""
    import sys

    if sys.platform != "linux":
        return True
    try:
        from msal_extensions.libsecret import trial_run  # type: ignore[import-untyped]  # it has no types

        trial_run()
    except Exception:  # noqa: BLE001  # libsecret, its bindings or its daemon is not there: each fails in its own way
        return False
    return True
