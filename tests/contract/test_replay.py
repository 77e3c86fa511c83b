"""Our commands against recorded Azure: the recordings answer, by HTTPS and through the SDKs, as they did when recorded.

What is checked is what we send (method, path, body), what we make of Azure's own documents, and that nothing is asked
that no recording holds. Azure's CLI never reads revisions, replicas or build runs in these recordings: `REVISION`,
`REPLICAS` and `RUN` stand for them, in the shapes of `ingress_traffic_e2e`, `replica_commands` and facts §11.1.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.credentials import AccessToken
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from aca_notebook import errors
from aca_notebook.api.workspace import Workspace
from aca_notebook.azure.target import Target
from aca_notebook.clock import SystemClock
from aca_notebook.emulator.certificates import ensure_certificates
from aca_notebook.magics import aca
from tests.contract.conftest import require_folder
from tests.contract.recorded import SUBSCRIPTION, load
from tests.contract.replay import Replay, replayed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/clitest.rg000001/providers"
SCORE = "def score(x: float) -> float:\n    return 2 * x\n"
#: The registry of `acr_task_build`, whose builds are replayed beside each recording.
REGISTRY = "containerapp000003"
BUILD_FROM = 4
RUN = f"{GROUP}/Microsoft.ContainerRegistry/registries/{REGISTRY}/runs/ca1"


class Credential:
    """Somebody who is signed in: how one gets there is not in the recordings."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("a token", 2**33)

    async def close(self) -> None:
        pass


class Shell:
    """An IPython shell whose `%aca` goes to a replay."""

    def __init__(self, replay: Replay, target: Target) -> None:
        self.replay = replay
        self._shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self.workspace = Workspace(target)
        self._shell.register_magics(aca.AcaMagics(self._shell, lambda *_, **__: self.workspace))

    def run(self, cell: str) -> None:
        """Run a cell; `shown` is then what the page shows, `error` what it raised."""
        with capture_output() as captured:
            result = self._shell.run_cell(cell, store_history=True)
        self.error = result.error_in_exec or result.error_before_exec
        texts = [output.data.get("text/plain", "") for output in captured.outputs]
        self.shown = "\n".join([captured.stdout, captured.stderr, *texts])

    def words(self, first: str) -> list[str]:
        """The words of the line that begins with one."""
        return next(line.split() for line in self.shown.splitlines() if line.split()[:1] == [first])

    def runs(self, cell: str) -> None:
        """Run a cell that must not fail."""
        self.run(cell)
        assert self.error is None, self.error


@contextmanager
def replaying(
    tmp_path: Path, name: str, begin: int, *, environment: str, location: str, environment_group: str = "",
    documented: dict[str, Any] | None = None,
) -> Iterator[Shell]:  # fmt: skip
    """A shell on a recording from an ordinal on; fails when something was asked that no recording holds."""
    folder = require_folder("ACA_NOTEBOOK_RECORDINGS")
    replay = Replay(
        (load(folder / f"{name}.yaml"), begin), (load(folder / "acr_task_build.yaml"), BUILD_FROM),
        documented={f"GET {RUN}": _run("Succeeded"), **(documented or {})},
    )  # fmt: skip
    certificates = ensure_certificates(tmp_path, SystemClock().now())
    with replayed(replay, certificates.server):
        target = Target(
            name="azure", subscription_id=SUBSCRIPTION, resource_group="clitest.rg000001", environment=environment,
            environment_group=environment_group, location=location, registry=REGISTRY,
            registry_server=f"{REGISTRY}.azurecr.io", credential=lambda _: Credential(),
            resource_manager=replay.url, ca_bundle=certificates.roots, polling_seconds=0.01, connect_retries=0,
            use_proxy_settings=False, registry_identity="system-environment", log_analytics=replay.url,
            metrics=replay.url, retail_prices=replay.url,
        )  # fmt: skip
        InteractiveShell.clear_instance()
        shell = Shell(replay, target)
        try:
            yield shell
        finally:
            shell.workspace.close()
            InteractiveShell.clear_instance()
    assert replay.unknown == [], "asked for, and in no recording"


def app_path(name: str) -> str:
    return f"{GROUP}/Microsoft.App/containerApps/{name}"


def reads(app: str, revision: str, *, details: str = "") -> dict[str, Any]:
    """The reads of one app that Azure's CLI never does: its revision, its replica, and the ends of its logs."""
    path = app_path(app)

    def written(replay: Replay) -> dict[str, Any]:
        properties = replay.present(path)["properties"]
        return {
            "id": f"{path}/revisions/{revision}", "name": revision, "type": "Microsoft.App/containerapps/revisions",
            "properties": {
                "createdTime": "2025-05-24T16:46:01+00:00", "template": properties["template"], "active": True,
                "replicas": 1, "trafficWeight": 100, "healthState": "Healthy", "provisioningState": "Provisioned",
                "runningState": "Running",
            },
        }  # fmt: skip

    replica = {
        "name": f"{revision}-7f876bfc67-9qqwl",
        "properties": {
            "createdTime": "2025-05-24T16:35:27Z", "runningState": "Running", "runningStateDetails": details,
            "containers": [{
                "name": app, "ready": True, "started": True, "restartCount": 0, "runningState": "Running",
                "runningStateDetails": "",
            }],
        },
    }  # fmt: skip
    event = (
        '{"TimeStamp":"2025-05-24T16:46:02Z","Type":"Normal","ContainerAppName":"' + app + '","RevisionName":"'
        + revision + '","ReplicaName":"","Msg":"Successfully provisioned revision","Reason":"RevisionReady",'
        '"EventSource":"ContainerAppController","Count":1}\n'
    )  # fmt: skip
    token = {"properties": {"token": "short-lived", "expires": "2099-01-01T00:00:00Z"}}
    return {
        f"GET {path}/revisions": lambda replay: {"value": [written(replay)]},
        f"GET {path}/revisions/{revision}": written,
        f"GET {path}/revisions/{revision}/replicas": {"value": [replica]},
        f"POST {path}/getAuthToken": token,
        f"POST {path}/listSecrets": {"value": []},
        f"GET {path.partition('/providers')[0]}/containerApps/{app}/eventstream": event,
        f"GET {path}/providers/Microsoft.Insights/metrics": {"value": [], "timespan": "", "interval": "PT1M"},
    }


def _run(status: str) -> dict[str, Any]:
    return {"id": RUN, "name": "ca1", "properties": {"runId": "ca1", "status": status}}


def test_a_gpu_is_added_to_an_environment_and_an_app_put_on_it(tmp_path, caplog) -> None:
    """`up_foundry_model_e2e` from where its environment has no GPU yet."""
    caplog.set_level(logging.INFO)  # as after a library's `logging.basicConfig(level="INFO")`
    app, revision = "containerapp000003", "containerapp000003--f6cnb2k"
    with replaying(
        tmp_path, "up_foundry_model_e2e", 8, environment="env000002", location="westus3",
        documented=reads(app, revision),
    ) as shell:  # fmt: skip
        shell.runs(f"%%aca plan {app} --gpu T4\n{SCORE}")
        assert "T4" in shell.shown
        assert shell.replay.written == [], "a plan writes nothing"

        shell.runs(f"%%aca deploy {app} --gpu T4\n{SCORE}")
        assert f"{app}: deployed" in shell.shown
        assert f"https://{app}.niceground-f8447730.westus3.azurecontainerapps.io" in shell.shown
        environment = shell.replay.sent("PATCH", f"{GROUP}/Microsoft.App/managedEnvironments/env000002")
        assert [each["workloadProfileType"] for each in environment["properties"]["workloadProfiles"]] == [
            "Consumption", "Consumption-GPU-NC8as-T4",
        ]  # fmt: skip
        sent = shell.replay.sent("PUT", app_path(app))
        (container,) = sent["properties"]["template"]["containers"]
        assert container["resources"] == {"cpu": 8.0, "memory": "56Gi"}
        assert container["image"].startswith(f"{REGISTRY}.azurecr.io/")
        assert sent["properties"]["configuration"]["registries"] == [
            {"server": f"{REGISTRY}.azurecr.io", "identity": "system-environment"}
        ]
        build = shell.replay.sent("POST", f"{GROUP}/Microsoft.ContainerRegistry/registries/{REGISTRY}/scheduleRun")
        assert build["sourceLocation"] == "source/202411010000/587b9d1d-6b1b-4e0d-a130-0d8328636d0f.tar.gz"

        asked = len(shell.replay.asked)
        shell.runs("%aca ps")
        assert [*shell.words(app)][:6] == [app, "✓", "Running", "1", "of", "10"]
        assert len(shell.replay.asked) - asked <= 4, "a list, and of each app its revision and what its GPU says"
        for line, said in (
            (f"show {app}", "westus3.azurecontainerapps.io\n"), (f"show {app}", "8 vCPU, 56 GiB, 1 × T4 each"),
            (f"revision list {app}", revision),
            (f"why {app}", "1 replica is ready and serves"), (f"logs {app} --type system", "[RevisionReady]"),
            (f"traffic {app}", "100 %"), (f"export {app}", '"workloadProfileName": "serverless-t4"'),
            ("gc", "nothing to clear away"), (f"cost {app}", "$0 in the past 24 h"),
        ):  # fmt: skip
            shell.runs(f"%aca {line}")
            assert said in shell.shown, line
    assert [each.name for each in caplog.records if each.name.startswith("azure.core")] == [], "no flood of requests"


def test_an_app_on_a_dedicated_gpu_reads_as_azure_answers_it(tmp_path) -> None:
    """`gpu_dedicated_env_and_app` from where its environment has an NC24-A100 profile that is called `gpu`."""
    app, revision = "app1000003", "app1000003--yhfliik"
    with replaying(
        tmp_path, "gpu_dedicated_env_and_app", 5, environment="gpu-env000002", location="westus3",
        documented=reads(app, revision),
    ) as shell:  # fmt: skip
        shell.runs("%aca ps")
        assert "no apps" in shell.shown
        shell.runs(f"%%aca deploy {app} --workload-profile-name gpu\n{SCORE}")
        assert f"{app}: deployed" in shell.shown
        sent = shell.replay.sent("PUT", app_path(app))
        assert sent["properties"]["workloadProfileName"] == "gpu"
        shell.runs("%aca ps")
        assert "A100" in shell.words(app)
        for line, said in (
            (f"show {app}", "0.1 vCPU"), (f"why {app}", "1 replica is ready"),
            (f"export {app}", '"workloadProfileName": "gpu"'), (f"logs {app} --type system", "[RevisionReady]"),
        ):  # fmt: skip
            shell.runs(f"%aca {line}")
            assert said in shell.shown, line


def test_a_team_shares_an_environment_of_another_group(tmp_path) -> None:
    """`registry_identity_system` from where its registry is there: the environment is in `client.env_rg_eastus`."""
    app = "aca000002"
    with replaying(
        tmp_path, "registry_identity_system", 9, environment="env-eastus", environment_group="client.env_rg_eastus",
        location="eastus", documented=reads(app, "aca000002--e4dl207"),
    ) as shell:  # fmt: skip
        shell.runs(f"%%aca deploy {app}\n{SCORE}")
        assert f"{app}: deployed" in shell.shown
        assert "/client.env_rg_eastus/" in shell.replay.sent("PUT", app_path(app))["properties"]["environmentId"]
        shell.runs(f"%aca why {app}")
        assert "ready and serves" in shell.shown


def test_a_pull_without_the_right_to_is_told_when_the_operation_expires(tmp_path) -> None:
    """`app_failed_registry_msi` from its last PUT: 342 times in progress, then `Operation expired`."""
    app, revision = "app000002", "app000002--lvdn4sl"
    operation = (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.App/locations/eastus/containerappOperationStatuses/"
        "124a6d9c-ec3e-439c-b42b-ae82de2be9f0"
    )
    with replaying(
        tmp_path, "app_failed_registry_msi", 18, environment="env-eastus", environment_group="client.env_rg_eastus",
        location="eastus", documented=reads(app, revision) | {
            f"GET {operation}": {"id": operation, "status": "Failed", "error": {
                "code": "ContainerAppOperationError", "message": "Operation expired.",
            }},
        },
    ) as shell:  # fmt: skip
        shell.run(f"%%aca deploy {app}\n{SCORE}")
        assert isinstance(shell.error, errors.DeploymentFailed)
        assert shell.error.lines()[1] == "ContainerAppOperationError: Operation expired."
        assert f"%aca why {app}" in shell.error.hint
        assert "the older revision keeps serving" in shell.error.hint
        shell.runs(f"%aca why {app}")
        assert f"{revision} keeps serving" in shell.shown
        assert "Failed · Operation expired" in shell.shown
        shell.runs("%aca ps")
        assert shell.words(app)[:3] == [app, "✗", "Failed"]
