"""Signing in to Azure, and remembering how: the way and the names, never a token or a secret."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.azure import credential, ways
from aca_notebook.azure.signing_in import Chain
from aca_notebook.azure.ways import Setting
from aca_notebook.clock import SystemClock
from aca_notebook.errors import UsageFailed
from aca_notebook.model.clouds import PUBLIC, Cloud, find_cloud

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from aca_notebook.azure.credential import CredentialFactory
    from aca_notebook.azure.sign_in import Signed
    from aca_notebook.clock import Clock
    from aca_notebook.model.signing import Attempt

_FILE = "sign-in.json"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, by which way of those that were tried, and where the token is kept.

    `kept` is `by` the program that keeps it itself, `encrypted on this machine`, or `in this kernel`.
    """

    who: Signed
    way: str
    attempts: tuple[Attempt, ...]
    cloud: Cloud
    kept: str
    credential: CredentialFactory = field(repr=False, compare=False)


def login(  # noqa: PLR0913  # each is one flag
    *, device: bool = False, browser: bool = False, tenant: str = "", cloud: str = "", home: Path | None = None,
    on_code: Callable[[str, str, datetime], None] | None = None, on_attempt: Callable[[Attempt], None] | None = None,
    ca_bundle: str = "", persist: bool = True, clock: Clock | None = None,
) -> SignedIn:  # fmt: skip
    """Sign in and return who is signed in; give the answer to `connect(…, signed_in=…)`, or let it be remembered.

    With neither `device` nor `browser` the ways that ask nobody are tried (environment, managed identity, `az` …), and
    then the device code, if `on_code` can show one: it hears the page, the code and until when it is good, on another
    thread. `home` is where the way is remembered; without `persist` a token stays in this process. Raises
    `Unauthorized` with what each way said, `UsageFailed` for a cloud that is none.
    """
    try:
        setting = Setting(find_cloud(cloud), tenant, ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE", ""), persist)
    except ValueError as unknown:
        raise UsageFailed(str(unknown), code="UnknownCloud", hint="%aca login --cloud AzureUSGovernment") from unknown
    asks = (ways.DEVICE,) if on_code is not None else ()
    wanted = (ways.BROWSER,) if browser else (ways.DEVICE,) if device else (*ways.SILENT, *asks)
    used = clock or SystemClock()
    chain = Chain(setting, used, on_attempt)
    loop = PrivateLoop("aca-notebook-login")
    try:
        who = loop.run(chain.run(wanted, on_code))
    finally:
        loop.close()
    if home is not None:
        _remember(home, chain, setting)
    return SignedIn(
        who, chain.way, tuple(chain.attempts), setting.cloud, _kept(chain),
        credential.signed_in(chain.way, setting, chain.person, used),
    )  # fmt: skip


def remembered(home: Path, clock: Clock) -> tuple[CredentialFactory, Cloud] | None:
    """Return the credential of the last `login`, None when nobody signed in here or its token could not be kept."""
    try:
        read: dict[str, Any] = json.loads((home / _FILE).read_text())
        setting = Setting(find_cloud(str(read.get("cloud") or "")), str(read.get("tenant") or ""))
        way = str(read["way"])
    except (OSError, ValueError, KeyError):
        return None
    if way not in {ways.DEVICE, ways.BROWSER}:
        return credential.signed_in(way, setting, None, clock), setting.cloud
    if not read.get("record"):
        return None
    from azure.identity import AuthenticationRecord

    person = ways.Person(way, setting, record=AuthenticationRecord.deserialize(str(read["record"])))
    return (credential.signed_in(way, setting, person, clock), setting.cloud) if person.persistent else None


def forget(home: Path) -> None:
    """Forget the last sign-in: the next target takes what azure-identity finds by itself."""
    (home / _FILE).unlink(missing_ok=True)


def _remember(home: Path, chain: Chain, setting: Setting) -> None:
    """Names only: azure-identity's record of an account has no secret in it, and its tokens lie elsewhere."""
    said: dict[str, str] = {"way": chain.way}
    if setting.tenant:
        said["tenant"] = setting.tenant
    if setting.cloud is not PUBLIC:
        said["cloud"] = setting.cloud.name
    if chain.record is not None and chain.person is not None and chain.person.persistent:
        said["record"] = chain.record.serialize()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = home / _FILE
    place.write_text(json.dumps(said))
    place.chmod(0o600)


def _kept(chain: Chain) -> str:
    if chain.person is None:
        return f"by {chain.way}"
    return "encrypted on this machine" if chain.person.persistent else "in this kernel, and gone with it"
