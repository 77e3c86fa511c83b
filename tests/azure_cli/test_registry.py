"""A registry: made, built into, and pulled from by an app that has an identity for it."""

from __future__ import annotations

import json
import platform
import sys
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator

_REGISTRY = "walkregistry"
_SERVE = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"built")


ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])), Handler).serve_forever()
"""


def test_what_was_built_is_pulled_by_the_apps_own_identity(az: Az, environment: str, emulator: RealEmulator) -> None:
    _let_it_run_bundles(emulator)
    made = az(f"acr create -n {_REGISTRY} --sku Basic --admin-enabled true")
    assert (made["provisioningState"], made["loginServer"]) == ("Succeeded", f"{_REGISTRY}.azurecr.io")
    assert az(f"acr credential show -n {_REGISTRY}")["username"] == _REGISTRY
    assert az(f"acr check-name -n {_REGISTRY}")["nameAvailable"] is False
    assert _REGISTRY in az.text("acr list -o table")

    log = az.text(f"acr build -r {_REGISTRY} -t scorer:1 {_context(az.folder / 'context')} --only-show-errors")
    assert f"Tagged {_REGISTRY}.azurecr.io/scorer:1" in log
    (run,) = az(f"acr task list-runs -r {_REGISTRY}")
    assert run["status"] == "Succeeded"
    assert "Tagged" in az.text(f"acr task logs -r {_REGISTRY} --run-id {run['runId']} --only-show-errors")

    create = f"containerapp create -n scorer --environment {environment} --ingress external --target-port 80"
    server = f"{_REGISTRY}.azurecr.io"
    az(f"{create} --image {server}/scorer:1 --registry-server {server} --registry-identity system")
    app = az("containerapp show -n scorer")
    assert app["identity"]["type"] == "SystemAssigned"
    assert app["properties"]["configuration"]["registries"][0]["identity"] == "system"
    assert az.call(app["properties"]["configuration"]["ingress"]["fqdn"]).text == "built"
    (granted,) = az(f"role assignment list --scope {made['id']} --assignee {app['identity']['principalId']}")
    assert granted["roleDefinitionName"] == "AcrPull"
    az("containerapp delete -n scorer --yes")
    az(f"acr delete -n {_REGISTRY} --yes")
    assert "ResourceNotFound" in az.refused(f"acr show -n {_REGISTRY}")


def test_a_dockerfile_of_anybodys_fails_and_its_log_says_what_to_do(az: Az) -> None:
    az("acr create -n otherregistry --sku Basic")
    folder = az.folder / "foreign"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert "Run failed" in az.refused(f"acr build -r otherregistry -t other:1 {folder}")
    (run,) = az("acr task list-runs -r otherregistry")
    assert run["status"] == "Failed"
    log = az.text(f"acr task logs -r otherregistry --run-id {run['runId']} --only-show-errors")
    assert "aca-notebook emulator image add" in log


def _let_it_run_bundles(emulator: RealEmulator) -> None:
    """Name it this interpreter, as a notebook does that joins it."""
    control = {"Authorization": f"Bearer {(emulator.folder / 'control-token').read_text().strip()}"}
    interpreters = f"{emulator.ready['http_url']}/_emulator/interpreters"
    requests.post(interpreters, json={"path": sys.executable}, headers=control, timeout=60).raise_for_status()


def _context(folder: Path) -> Path:
    """A bundle that needs no packages, as `%aca deploy` uploads one."""
    folder.mkdir()
    manifest = {
        "schema": 1, "python": ".".join(platform.python_version_tuple()[:2]), "requirements": "requirements.txt",
        "command": ["python", "serve.py"],
    }  # fmt: skip
    files = {"bundle.json": json.dumps(manifest), "requirements.txt": "", "serve.py": _SERVE, "Dockerfile": "FROM x\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder
