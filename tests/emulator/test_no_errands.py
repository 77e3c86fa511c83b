"""The emulator runs no errands: an address in a body, wherever it stands, is not asked for anything.

What it connects to is its own replicas, on ports that it gave them, and, when an alert fires, the webhooks of its
action groups: those on this machine.
"""

from __future__ import annotations

import ast
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aca_notebook.emulator
from tests.emulator.furnished import IMAGE, furnish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.running import Running

#: Clients of other servers: whoever needs one here says first whose address it asks.
CLIENTS = {"aiohttp", "httpx", "requests", "urllib.request", "http.client", "urllib3", "ftplib", "smtplib", "paramiko"}


def test_no_module_has_a_client_of_other_servers() -> None:
    folder = Path(aca_notebook.emulator.__file__).parent
    files = list(folder.rglob("*.py"))
    assert len(files) > 100
    found = {(file.name, name) for file in files for name in _imported(file) if name in CLIENTS}
    # What an action group is to be told goes to this machine, or where its owner allowed (test_notices).
    # A call into a custom session pool goes to the port of a container that the emulator started; no redirect is
    # followed from there.
    assert found == {("posting.py", "aiohttp"), ("proxy.py", "aiohttp")}


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def test_no_address_in_a_body_is_asked(emulator: Running) -> None:
    furnish(emulator)
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        here = f"http://127.0.0.1:{trap.getsockname()[1]}/latest/meta-data"
        answered = [emulator.ask("PUT", path, body).status_code for path, body in errands(emulator, here)]
        assert all(status < 500 for status in answered), answered
        assert sum(status < 300 for status in answered) > 6, answered
        for method, path in (("GET", emulator.app_path("app")), ("POST", f"{emulator.app_path('app')}/listSecrets")):
            assert emulator.ask(method, path).status_code == 200
        emulator.advance(120)
        with contextlib.suppress(BlockingIOError):
            came, _ = trap.accept()
            came.close()
            raise AssertionError("somebody came")


def errands(emulator: Running, here: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies with an address wherever one may stand."""
    authority = here.split("/")[2]
    probe = {"path": "/", "host": "127.0.0.1", "port": int(authority.partition(":")[2])}
    app = emulator.body(
        containers=[{
            "name": "main", "image": IMAGE,
            "probes": [{"type": "Liveness", "httpGet": probe}],
        }],
        scale={"minReplicas": 1, "maxReplicas": 2, "rules": [
            {"name": "r", "custom": {"type": "prometheus", "metadata": {"serverAddress": here, "query": "x"}}},
        ]},
    )  # fmt: skip
    app["properties"]["configuration"]["registries"] = [
        {"server": authority, "username": "u", "passwordSecretRef": "one"}
    ]
    app["properties"]["configuration"]["secrets"] = [{"name": "one", "value": "1"}]
    yield emulator.app_path("app"), app
    vault = emulator.body()
    vault["properties"]["configuration"]["secrets"] = [
        {"name": "one", "keyVaultUrl": f"{here}/secrets/x", "identity": "system"}
    ]
    yield emulator.app_path("vaulted"), vault
    foreign = emulator.body(containers=[{"name": "main", "image": f"{authority}/image:1"}])
    yield emulator.app_path("foreign"), foreign
    parts = emulator.environment_id
    metadata = [{"name": "redisHost", "value": authority}]
    yield (
        f"{parts}/daprComponents/state",
        {"properties": {"componentType": "state.redis", "version": "v1", "metadata": metadata}},
    )
    share = {"accountName": authority, "accountKey": "k", "shareName": "s", "accessMode": "ReadOnly"}
    yield f"{parts}/storages/share", {"properties": {"azureFile": share}}
    yield (
        f"{parts}/storages/files",
        {"properties": {"nfsAzureFile": {"server": authority, "shareName": "/s", "accessMode": "ReadOnly"}}},
    )
    yield (
        f"{parts}/certificates/one",
        {
            "location": "eastus",
            "properties": {"certificateKeyVaultProperties": {"identity": "system", "keyVaultUrl": f"{here}/secrets/x"}},
        },
    )
    yield f"{emulator.group}/providers/Microsoft.Insights/actionGroups/calls", {
        "location": "global",
        "properties": {
            "groupShortName": "calls", "enabled": True,
            "webhookReceivers": [{"name": "hook", "serviceUri": here, "useCommonAlertSchema": True}],
        },
    }  # fmt: skip
    yield (
        f"{emulator.group}/providers/Microsoft.Resources/deployments/linked",
        {"properties": {"mode": "Incremental", "templateLink": {"uri": here}, "parametersLink": {"uri": here}}},
    )
    sign_in = {"identityProviders": {"customOpenIdConnectProviders": {"x": {"registration": {
        "openIdConnectConfiguration": {"wellKnownOpenIdConfiguration": here}
    }}}}}  # fmt: skip
    yield f"{emulator.app_path('app')}/authConfigs/current", {"properties": {"platform": {"enabled": True}} | sign_in}
