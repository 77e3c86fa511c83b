"""What --show-az prints, run by the real CLI, makes the same resource as the command itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.model.app_export import writable
from tests.azure_cli.magic import Magic, magic_in, script
from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator

_GROUP = "test-shown-lines"


@pytest.fixture(scope="module")
def magic(emulator: RealEmulator, az: Az, environment: str) -> Iterator[Magic]:
    az(
        f"containerapp env workload-profile add -n {environment} --workload-profile-name gpu-t4 "
        "--workload-profile-type Consumption-GPU-NC8as-T4"
    )
    with magic_in(emulator, _GROUP, environment) as found:
        yield found


def ran(az: Az, text: str, **variables: str) -> None:
    done = script(az, text, **variables)
    assert done.returncode == 0, f"{text}\n{done.stderr[-3000:]}"


def same(emulator: RealEmulator, name: str = "web") -> Any:
    """What a PUT of the app would say, without our marks of time and of who deployed it."""
    app = writable(emulator.call("GET", _path(emulator, name)).json())
    changing = ("aca-notebook-expires", "aca-notebook-deployment")
    app["tags"] = {key: value for key, value in (app.get("tags") or {}).items() if key not in changing}
    return app


def _path(emulator: RealEmulator, name: str) -> str:
    group = f"/subscriptions/{emulator.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{_GROUP}"
    return f"{group}/providers/Microsoft.App/containerApps/{name}"


def there(emulator: RealEmulator, name: str) -> bool:
    return emulator.call("GET", _path(emulator, name)).status_code == 200


DEPLOYS = [
    f"--image {HELLO} --public --target-port 80 --min-replicas 1 --max-replicas 3 --env-vars MODE=a",
    (f"--image {HELLO} --ingress internal --target-port 80 --gpu-type nvidia-t4 --gpu-count 1 --cpu 4 --memory 8Gi "
    "--enable-dapr --dapr-app-id web --dapr-app-port 80 --dapr-app-protocol http --dapr-log-level info "
    "--dapr-http-max-request-size 4 --dapr-http-read-buffer-size 4 --dapr-enable-api-logging true "
    "--system-assigned --tags team=ml --revision-suffix first --termination-grace-period 60"),
    (f"--image {HELLO} --min-replicas 0 --max-replicas 50 --scale-rule-name queue --scale-rule-type azure-servicebus "
    "--scale-rule-metadata queueName=ai-jobs namespace=bus messageCount=5 --scale-rule-auth connection=bus-connection "
    "--env-vars BUS=secretref:bus-connection"),
    (f"--image {HELLO} --public --target-port 80 --probe liveness:/:80,periodSeconds=10 readiness:tcp:80 "
    "--scale-rule-name http-scaling --scale-rule-http-concurrency 1 --revisions-mode multiple"),
]  # fmt: skip


@pytest.mark.parametrize("flags", DEPLOYS, ids=["plain", "gpu and dapr", "queue", "probes"])
def test_lines_of_a_deploy_make_the_same_app(az: Az, emulator: RealEmulator, magic: Magic, flags: str) -> None:
    magic.workspace.secrets.put("bus-connection", "v4lue-of-a-secret")
    lines = magic(f"%aca deploy web {flags} --show-az")
    assert "v4lue" not in lines
    assert not there(emulator, "web"), "nothing was made"
    magic(f"%aca deploy web {flags}")
    ours = same(emulator)
    magic("%aca down web")
    ran(az, lines, BUS_CONNECTION="v4lue-of-a-secret")
    assert same(emulator) == ours
    magic("%aca down web")


SAME = [
    (
        f"--image {HELLO} --ingress internal --target-port 80 --transport http2 --workload-profile-name gpu-t4 --cpu 4 "
        "--memory 8Gi --min-replicas 0 --max-replicas 20 --scale-rule-name http-scaling --scale-rule-type http "
        "--scale-rule-http-concurrency 10 --enable-dapr --dapr-app-id web --dapr-app-port 80 --dapr-app-protocol grpc "
        "--dapr-log-level debug --dapr-http-max-request-size 4 --dapr-http-read-buffer-size 8 "
        "--dapr-enable-api-logging --system-assigned --env-vars MODE=a"
    ),
    (
        f"--image {HELLO} --ingress internal --target-port 6379 --transport tcp --exposed-port 6380 --min-replicas 1 "
        "--max-replicas 5 --scale-rule-name calls --scale-rule-type tcp --scale-rule-tcp-concurrency 7 --cpu 0.5 "
        "--memory 1Gi --revisions-mode multiple --revision-suffix first "
        "--termination-grace-period 45"
    ),
    (
        f"--image {HELLO} --min-replicas 0 --max-replicas 50 --scale-rule-name queue --scale-rule-type azure-queue "
        "--scale-rule-metadata queueName=jobs queueLength=5 --scale-rule-auth connection=bus-connection "
        "--env-vars BUS=secretref:bus-connection --cpu 0.5 --memory 1Gi"
    ),
]


@pytest.mark.parametrize("flags", SAME, ids=["gpu and dapr", "tcp", "queue"])
def test_the_same_flags_make_the_same_app_by_either(
    az: Az, emulator: RealEmulator, magic: Magic, flags: str, environment: str
) -> None:
    magic.workspace.secrets.put("bus-connection", "v4lue-of-a-secret")
    magic(f"%aca deploy web {flags} --keep-failed")
    ours = same(emulator)
    magic("%aca down web")
    secrets = "--secrets bus-connection=v4lue-of-a-secret" if "secretref" in flags else ""
    az(f"containerapp create -n web --environment {environment} {flags} {secrets}")
    theirs = same(emulator)
    magic("%aca down web")
    for app in (ours, theirs):
        app.pop("tags", None)
    assert ours == theirs


CHANGES = [
    "update web --min-replicas 1 --max-replicas 4",
    "update web --set-env-vars MODE=b 'OTHER=c d' --remove-env-vars GONE --cpu 0.75 --memory 1.5Gi",
    "update web --probe startup:/:80,failureThreshold=30 --ingress internal",
    "update web --scale-rule-name calls --scale-rule-type tcp --scale-rule-tcp-concurrency 7",
    "update web --system-assigned --enable-dapr --dapr-app-id shared --dapr-app-port 80 --min-replicas 2",
    "secret set token --app web",
    "revision mode web multiple",
    "revision restart web",
    "ttl web 2h",
    "keep web",
    "stop web",
    "start web",
    "down web",
]


def test_lines_of_a_change_make_the_same_change(
    az: Az, emulator: RealEmulator, magic: Magic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two apps alike: one is changed by our command, its twin by the lines that were shown for it."""
    monkeypatch.setattr("getpass.getpass", lambda _: "v4lue-of-a-secret")
    for name in ("web", "twin"):
        magic(f"%aca deploy {name} --image {HELLO} --public --target-port 80 --env-vars GONE=1 MODE=a")
    for change in CHANGES:
        lines = magic(f"%aca {change.replace('web', 'twin')} --show-az")
        assert "v4lue" not in lines
        magic(f"%aca {change}")
        ran(az, lines, TOKEN="v4lue-of-a-secret")
        if change.startswith("down"):
            assert not there(emulator, "twin")
        else:
            ours, theirs = same(emulator), same(emulator, "twin")
            ours["properties"]["template"]["containers"][0]["name"] = "twin"
            assert theirs == ours, change


def test_lines_of_a_pool_an_alert_and_an_identity_are_taken_by_the_cli(az: Az, magic: Magic) -> None:
    magic(f"%aca deploy seen --image {HELLO} --public --target-port 80")
    ran(az, magic("%aca pool create shownpool --show-az"))
    assert "shownpool" in magic("%aca pool list")
    ran(az, magic('%aca alert create busy --app seen --condition "total Requests > 100" --show-az'))
    assert az("monitor metrics alert show -n busy")["criteria"]["allOf"][0]["threshold"] == 100.0
    az("monitor metrics alert delete -n busy")
    magic("%aca pool delete shownpool")
    magic("%aca down seen")
