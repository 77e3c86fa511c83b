"""The table of targets: a name becomes a `Target`. The only place that knows there is more than one."""

from __future__ import annotations

import asyncio
import functools
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook import launcher, settings
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.azure import choices as listing
from aca_notebook.azure import credential
from aca_notebook.azure.connection import Connection
from aca_notebook.azure.target import Target
from aca_notebook.clock import SystemClock
from aca_notebook.errors import AcaError, TargetFailed, UsageFailed
from aca_notebook.model import choices, ids
from aca_notebook.model.clouds import PUBLIC, find_cloud
from aca_notebook.model.setup import GROUP_NAME, default_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aca_notebook.api.signing_in import SignedIn
    from aca_notebook.azure.credential import CredentialFactory
    from aca_notebook.model.choices import Choices
    from aca_notebook.model.clouds import Cloud
    from aca_notebook.settings import Settings

#: The longest a person waits for a list of what there is.
_LOOK_SECONDS = 30.0


def resolve_target(
    name: str = "",
    overrides: Mapping[str, str] | None = None,
    *,
    propose: bool = False,
    signed_in: SignedIn | None = None,
    notebook: Mapping[str, str] | None = None,
) -> Target:
    """Return the target called `name`, or the one the settings name; `local` starts or joins the emulator.

    `propose` gives names to what nobody has named, and is for those who then show what would have to be made.
    `signed_in` is what `login` returned; without it the last sign-in of this machine counts. `notebook` are the names a
    notebook chose before. Raises `UsageFailed` for
    an unknown name or setting, `TargetFailed` when something needed is not set.
    """
    home = settings.home()
    said = {**(overrides or {}), **({"target": name} if name else {})}
    try:
        chosen = settings.resolve(said, os.environ, notebook or {}, settings.read_file(home / "settings.toml"))
    except ValueError as bad:
        raise UsageFailed(str(bad), code="UnknownSetting", hint="see `%aca target --help`") from bad
    make = TARGETS.get(chosen.target)
    if make is None:
        raise UsageFailed(
            f"there is no target {chosen.target!r}", code="UnknownTarget", hint=f"choose {' or '.join(TARGETS)}"
        )
    if chosen.target != "azure":
        return make(chosen, home)
    way = _signed_in(chosen, home, signed_in)
    return azure_target(proposed(chosen, way) if propose else chosen, home, way)


def _signed_in(chosen: Settings, home: Path, signed_in: SignedIn | None) -> tuple[CredentialFactory, Cloud]:
    """The credential and the cloud: of this kernel's sign-in, the machine's last one, or what azure-identity finds."""
    try:
        named = find_cloud(chosen.cloud) if chosen.cloud else None
    except ValueError as unknown:
        raise UsageFailed(str(unknown), code="UnknownCloud", hint="%aca login --cloud AzureUSGovernment") from unknown
    if signed_in is not None and named in {None, signed_in.cloud}:
        return signed_in.credential, signed_in.cloud
    from aca_notebook.api.signing_in import remembered  # azure-identity's own clients come with it

    known = remembered(home, SystemClock())
    if known is not None and named in {None, known[1]}:
        return known
    cloud = named or PUBLIC
    return credential.default(cloud), cloud


def proposed(chosen: Settings, way: tuple[CredentialFactory, Cloud] | None = None) -> Settings:
    """Return settings with a name for everything: names cost nothing, and nothing is made without a plan and consent.

    Raises `TargetFailed` with those there are when there is not exactly one subscription to take.
    """
    subscription = chosen.subscription_id
    if not subscription:
        found = _look(_azure(chosen, way)).subscriptions
        if len(found) != 1:
            raise _asking(_azure(chosen, way), ["subscription_id"])
        subscription = found[0].id
    group = chosen.resource_group or GROUP_NAME
    return replace(
        chosen, subscription_id=subscription, resource_group=group,
        environment=chosen.environment or group, registry=chosen.registry or default_registry(subscription, group),
    )  # fmt: skip


def local_target(chosen: Settings, home: Path) -> Target:
    """The emulator on this machine: started or joined now, and again whenever it is found dead."""
    folder = launcher.data_dir(home)
    emulator = launcher.ensure_emulator(folder)
    told = emulator.environment()
    registry = _given(chosen, "registry") or "local"
    return Target(
        name="local",
        subscription_id=told["AZURE_SUBSCRIPTION_ID"],
        resource_group=_given(chosen, "resource_group") or told["AZURE_RESOURCE_GROUP"],
        environment=_given(chosen, "environment") or told["AZURE_CONTAINERAPPS_ENVIRONMENT"],
        location=_given(chosen, "location") or told["AZURE_LOCATION"],
        registry=registry,
        registry_server=f"{registry}.azurecr.io",
        credential=credential.client_secret(
            authority=told["AZURE_AUTHORITY_HOST"],
            tenant_id=told["AZURE_TENANT_ID"],
            client_id=told["AZURE_CLIENT_ID"],
            secret=told["AZURE_CLIENT_SECRET"],
            connect_retries=0,
        ),
        resource_manager=told["AZURE_RESOURCE_MANAGER_URL"],
        log_analytics=told["AZURE_RESOURCE_MANAGER_URL"],
        metrics=told["AZURE_RESOURCE_MANAGER_URL"],
        retail_prices=told["AZURE_RESOURCE_MANAGER_URL"],
        ca_bundle=emulator.ca_bundle,
        app_scheme="http",
        polling_seconds=0.1,
        metrics_seconds=2.0,
        connect_retries=0,
        use_proxy_settings=False,
        enforces_expiry=True,
        charges=False,
        notice=_notice(emulator),
        ensure=functools.partial(local_target, chosen, home),
        rehearsal=functools.partial(launcher.ensure_emulator, folder),
    )


def _notice(emulator: launcher.EmulatorEndpoint) -> str:
    """What is worth telling of the emulator that was started or joined."""
    if notices := emulator.notices:
        return "; ".join(notices)
    return "the local emulator had died; it is running again, and nothing was lost" if emulator.restarted else ""


def azure_target(chosen: Settings, home: Path, way: tuple[CredentialFactory, Cloud] | None = None) -> Target:
    """Azure, with the names the settings give and whatever credential the person has."""
    del home
    missing = [
        name for name in ("subscription_id", "resource_group", "environment", "registry") if not getattr(chosen, name)
    ]
    target = _azure(chosen, way)
    if missing:
        raise _asking(target, missing)
    return target


def _asking(target: Target, missing: list[str]) -> TargetFailed:
    """The error that says what must be named, with what there is to choose from: nothing is chosen silently."""
    variable = settings.ENVIRONMENT_VARIABLES[missing[0]]
    by_hand = f"set {variable}, or pass --{missing[0].removesuffix('_id').replace('_', '-')} to `%aca target azure`"
    what = f"the target azure needs {', '.join(name.removesuffix('_id').replace('_', ' ') for name in missing)}"
    try:
        found = _look(target)
    except AcaError as failed:
        said = " · ".join(failed.lines()[:2])
        return TargetFailed(what, code="SettingMissing", detail=f"what there is cannot be listed: {said}", hint=by_hand)
    lines = choices.lines(found)
    return TargetFailed(
        what, code="SettingMissing", detail=choices.missing_words(found), hint="\n  ".join(lines) if lines else by_hand
    )


def _look(target: Target) -> Choices:
    """Ask on a loop of its own: there is no workspace yet. With one subscription, what is in it is told at once."""
    loop = PrivateLoop()

    async def look(at: Target) -> Choices:
        connection = Connection(at)
        try:
            return await asyncio.wait_for(listing.look(connection), _LOOK_SECONDS)
        except TimeoutError:
            raise TargetFailed(f"nobody answered within {_LOOK_SECONDS:.0f} s", code="Timeout") from None
        finally:
            await connection.close()

    try:
        found = loop.run(look(target))
        if len(found.subscriptions) != 1:
            return found
        within = loop.run(look(replace(target, subscription_id=found.subscriptions[0].id)))
        return replace(within, subscriptions=found.subscriptions)
    finally:
        loop.close()


def _azure(chosen: Settings, way: tuple[CredentialFactory, Cloud] | None = None) -> Target:
    found, cloud = way or (credential.default(), PUBLIC)
    environment, environment_group = _named_environment(chosen.environment)
    return Target(
        name="azure",
        subscription_id=chosen.subscription_id,
        resource_group=chosen.resource_group,
        environment=environment,
        environment_group=environment_group,
        location=chosen.location or "eastus",
        registry=chosen.registry,
        registry_server=f"{chosen.registry}.{cloud.registry_domain}",
        credential=found,
        resource_manager=(chosen.resource_manager or cloud.resource_manager).rstrip("/"),
        audience=cloud.audience,
        log_analytics=cloud.log_analytics,
        metrics_domain=cloud.metrics_domain,
        registry_identity="system-environment",
    )


def _named_environment(written: str) -> tuple[str, str]:
    """An environment's name and its group, which is empty for the apps' own: a name or an id, as `az` takes both."""
    if not written.startswith("/"):
        return written, ""
    try:
        found = ids.parse_id(written)
    except ValueError as bad:
        raise UsageFailed(str(bad), code="UsageError", hint="--environment takes a name or a resource id") from bad
    return found.name, found.resource_group


def _given(chosen: Settings, name: str) -> str:
    """A setting a person named for this target: Azure's environment variables are about Azure, not about us."""
    return getattr(chosen, name) if chosen.sources.get(name) in {"argument", "notebook"} else ""


TARGETS: dict[str, Callable[[Settings, Path], Target]] = {"local": local_target, "azure": azure_target}
