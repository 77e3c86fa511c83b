"""What our side of the road to Azure takes: of a deployment, and of a list beside the Azure CLI's."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.figures import Figure
from tests.bench.starting import local_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Made by `make test-az`.
_CLI = Path(__file__).resolve().parents[2] / ".venv-az" / "bin" / "python"
#: What is the platform's own time, and not ours: the image, and all from where the app was accepted.
_OURS = {"capture", "upload", "role"}
_APPS = 20


def own_time(home: Path, rounds: int = 7) -> list[Figure]:
    """Of a deployment at once, what passes before the platform works: capture, plan, upload, and between the phases."""
    from aca_notebook.model.deploy import PhaseState

    taken = []
    with local_workspace(home) as workspace:
        for number in range(rounds + 1):
            source = f"def score(x: float) -> float:\n    return {number + 1} * x\n"
            namespace: dict[str, Any] = {}
            exec(compile(source, "<cell>", "exec"), namespace)  # the cell also runs in the kernel
            started = time.perf_counter()
            deployment = workspace.deploy(f"app{number}", source, namespace)
            whole = time.perf_counter() - started
            done = [each for each in deployment.progress.phases if each.state is PhaseState.DONE]
            taken.append(whole - sum(each.seconds for each in done if each.name not in _OURS))
            deployment.app.down()
    return [
        Figure(
            "our own time in a deployment", "s", tuple(taken[1:]), limit=3,
            note="capture, plan, upload and what is between the phases; the build and the replica's start left out",
        )
    ]  # fmt: skip


def lists(home: Path, rounds: int = 7) -> list[Figure]:
    """`%aca ps` in a notebook beside `az containerapp list`, of the same apps on the same endpoint."""
    with local_workspace(home) as workspace:
        target = workspace.target
        _make_apps(workspace)
        environment = _signed_in(home)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds):
            started = time.perf_counter()
            assert len(list(workspace.apps.values())) == _APPS
            ours.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            _az(environment, "containerapp", "list", "-g", target.resource_group, "-o", "none")
            theirs.append(1000 * (time.perf_counter() - started))
    note = f"{_APPS} apps; the CLI is a process of its own each time, as it is in a terminal"
    return [
        Figure("`%aca ps`", "ms", tuple(ours), limit=0.1, peer_name="`az containerapp list`", peer=tuple(theirs),
               note=note)
    ]  # fmt: skip


def _make_apps(workspace: Any) -> None:
    """Apps of an image that is known, without a replica: what a list of many costs is not their start."""
    target = workspace.target
    document = {
        "location": target.location,
        "properties": {
            "environmentId": str(target.environment_id),
            "configuration": {"ingress": {"external": True, "targetPort": 80}},
            "template": {"containers": [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart:latest"}]},
        },
    }

    async def make() -> None:
        for number in range(_APPS):
            name = f"listed{number}"
            operation = await workspace._access.ask(lambda services, name=name: services.apps.put(name, document))
            await operation.result()

    workspace.loop.run(make())


def _signed_in(home: Path) -> Mapping[str, str]:
    """The CLI's environment, logged in as `docs/how-to/use-the-azure-cli.md` says."""
    from aca_notebook import launcher

    told = launcher.ensure_emulator(launcher.data_dir(home)).environment()
    environment = {
        **os.environ, **told, "HOME": str(home), "AZURE_CONFIG_DIR": str(home / "az"),
        "AZURE_CORE_INSTANCE_DISCOVERY": "false", "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "ARM_CLOUD_METADATA_URL": f"{told['AZURE_RESOURCE_MANAGER_URL']}/metadata/endpoints?api-version=2019-05-01",
    }  # fmt: skip
    _az(
        environment, "login", "--service-principal", "-u", told["AZURE_CLIENT_ID"], "-p", told["AZURE_CLIENT_SECRET"],
        "--tenant", told["AZURE_TENANT_ID"], "-o", "none",
    )  # fmt: skip
    return environment


def _az(environment: Mapping[str, str], *words: str) -> None:
    subprocess.run([str(_CLI), "-m", "azure.cli", *words], env=dict(environment), check=True, capture_output=True)
