"""Container apps over HTTP: shapes, states and refusals as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.running import Running, running_emulator
from tests.fakes.runtime import FakeOutcome

if TYPE_CHECKING:
    from pathlib import Path


def test_a_put_answers_201_and_the_app_settles_behind_it(emulator: Running) -> None:
    answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
    assert answer.status_code == 201
    assert answer.headers["x-ms-async-operation-timeout"] == "PT15M"
    assert "/locations/eastus/containerappOperationStatuses/" in answer.headers["Azure-AsyncOperation"]
    assert answer.json()["properties"]["provisioningState"] == "InProgress"
    assert answer.json()["id"].endswith("/Microsoft.App/containerapps/scorer")
    status = emulator.follow(answer)
    assert set(status) == {"id", "name", "status", "startTime"}
    app = emulator.ask("GET", emulator.app_path()).json()
    assert app["properties"]["provisioningState"] == "Succeeded"
    assert app["properties"]["latestReadyRevisionName"] == app["properties"]["latestRevisionName"]
    assert app["properties"]["configuration"]["ingress"]["fqdn"] == "127.0.0.1:9000"
    assert app["location"] == "East US"


def test_an_update_answers_201_too_and_numbers_its_revision(emulator: Running) -> None:
    emulator.deploy()
    app = emulator.deploy(body=emulator.body(scale={"minReplicas": 2, "maxReplicas": 4}))
    assert app["properties"]["latestRevisionName"] == "scorer--0000001"
    listed = emulator.ask("GET", f"{emulator.app_path()}/revisions").json()["value"]
    assert [revision["properties"]["active"] for revision in listed] == [False, True]
    assert [revision["properties"]["trafficWeight"] for revision in listed] == [0, 100]


def test_the_same_put_again_makes_no_revision(emulator: Running) -> None:
    first = emulator.deploy()
    again = emulator.deploy()
    assert again["properties"]["latestRevisionName"] == first["properties"]["latestRevisionName"]
    assert again["systemData"]["createdAt"] == first["systemData"]["createdAt"]


def test_links_start_where_the_caller_came_in(emulator: Running) -> None:
    emulator.deploy()
    host = emulator.environment["AZURE_RESOURCE_MANAGER_URL"].replace("127.0.0.1", "localhost")
    app = emulator.ask(
        "GET", host + emulator.app_path(), verify=str(emulator.emulator.settings.data_dir / "ca.pem")
    ).json()  # fmt: skip
    assert app["properties"]["eventStreamEndpoint"].startswith(f"{host}/subscriptions/")


def test_a_patch_answers_202_with_both_links_and_merges(emulator: Running) -> None:
    emulator.deploy()
    patch = {
        "properties": {"configuration": {"ingress": {"external": False, "targetPort": "81", "transport": "http2"}}}
    }
    answer = emulator.ask("PATCH", emulator.app_path(), patch)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["Azure-AsyncOperation"]
    emulator.follow(answer)
    ingress = emulator.ask("GET", answer.headers["Location"]).json()["properties"]["configuration"]["ingress"]
    assert (ingress["external"], ingress["targetPort"], ingress["transport"]) == (False, 81, "Http2")
    assert ingress["fqdn"] == emulator.address()


def test_a_patch_with_null_switches_the_ingress_off(emulator: Running) -> None:
    emulator.deploy()
    emulator.follow(emulator.ask("PATCH", emulator.app_path(), {"properties": {"configuration": {"ingress": None}}}))
    properties = emulator.ask("GET", emulator.app_path()).json()["properties"]
    assert properties["configuration"]["ingress"] is None
    assert properties["latestRevisionFqdn"] == ""
    assert emulator.runtime.published == {}


def test_a_delete_answers_202_and_ends_in_204(emulator: Running) -> None:
    emulator.deploy()
    answer = emulator.ask("DELETE", emulator.app_path())
    assert (answer.status_code, "Azure-AsyncOperation" in answer.headers) == (202, False)
    emulator.follow(answer)
    assert emulator.ask("GET", answer.headers["Location"]).status_code == 204
    assert emulator.ask("DELETE", emulator.app_path()).status_code == 204
    missing = emulator.ask("GET", emulator.app_path())
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "ResourceNotFound"
    assert "The Resource 'Microsoft.App/containerApps/scorer' under resource group 'local'" in missing.text
    assert emulator.runtime.apps == {}


def test_a_put_that_azure_echoes_back_whole_is_taken(emulator: Running) -> None:
    app = emulator.deploy()
    assert emulator.ask("PUT", emulator.app_path(), app).status_code == 201


def test_names_in_any_case_strings_for_numbers_and_nulls_are_read(emulator: Running) -> None:
    body = {
        "Location": "East US",
        "properties": {
            "ManagedEnvironmentId": emulator.environment_id.upper(),
            "Configuration": {"IngresS": {"External": "true", "targetport": "8000", "fqdn": None}, "secrets": None},
            "template": {
                "containers": [{"IMAGE": "nginx", "name": "a", "env": None, "resources": None}],
                "scale": {"minReplicas": "1", "MAXREPLICAS": "2", "rules": None},
            },
        },
        "tags": {"MixedCase": "Kept"},
    }
    app = emulator.deploy(body=body)
    assert app["properties"]["template"]["scale"]["maxReplicas"] == 2
    assert app["properties"]["configuration"]["ingress"]["targetPort"] == 8000
    assert app["tags"] == {"MixedCase": "Kept"}


def test_a_path_in_any_case_with_a_trailing_slash_finds_the_app(emulator: Running) -> None:
    emulator.deploy()
    assert emulator.ask("GET", emulator.app_path().lower() + "/").json()["name"] == "scorer"


def test_a_write_while_an_operation_runs_is_refused_with_its_id(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        first = emulator.ask("PUT", emulator.app_path(), emulator.body())
        refused = emulator.ask("PUT", emulator.app_path(), emulator.body(revisionSuffix="v2"))
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "ContainerAppOperationInProgress"
        operation = first.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]
        assert f"OperationId: '{operation}'" in refused.text
        assert emulator.ask("PATCH", emulator.app_path(), {}).status_code == 409
        emulator.on_loop(emulator.runtime.settle)
        emulator.follow(first)
        assert emulator.ask("PUT", emulator.app_path(), emulator.body(revisionSuffix="v2")).status_code == 201


def test_a_revision_that_fails_its_proof_fails_the_operation_and_says_why(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        emulator.on_loop(lambda: emulator.runtime.settle(FakeOutcome(ready=False, message="It exited with 1.")))
        status = emulator.follow(answer)
        assert status["status"] == "Failed"
        assert status["error"]["code"] == "ContainerAppOperationError"
        assert "container app 'scorer'. Error details: It exited with 1." in status["error"]["message"]
        app = emulator.ask("GET", emulator.app_path()).json()["properties"]
        assert (app["provisioningState"], app["runningStatus"]) == ("Failed", "Running")
        assert app["deploymentErrors"] == "It exited with 1."
        revision = emulator.ask("GET", f"{emulator.app_path()}/revisions").json()["value"][0]["properties"]
        assert (revision["provisioningState"], revision["healthState"]) == ("Failed", "Unhealthy")


def test_a_revision_that_never_becomes_ready_expires_after_a_quarter_of_an_hour(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        emulator.eventually(lambda: emulator.address() == "127.0.0.1:9000")  # the proof has begun
        emulator.advance(899)
        assert emulator.ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
        emulator.advance(2)
        assert "Operation expired." in emulator.follow(answer)["error"]["message"]


def test_an_app_that_is_stuck_can_be_deleted(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        put = emulator.ask("PUT", emulator.app_path(), emulator.body())
        emulator.follow(emulator.ask("DELETE", emulator.app_path()))
        assert emulator.ask("GET", emulator.app_path()).status_code == 404
        assert emulator.ask("GET", put.headers["Azure-AsyncOperation"]).json()["status"] == "Canceled"


def test_stop_and_start_change_the_running_status(emulator: Running) -> None:
    emulator.deploy()
    stopped = emulator.follow(emulator.ask("POST", f"{emulator.app_path()}/stop"))
    assert stopped["properties"]["runningStatus"] == "Stopped"
    key = emulator.app_path().lower()
    assert emulator.on_loop(lambda: emulator.runtime.apps[key].running) is False
    started = emulator.follow(emulator.ask("POST", f"{emulator.app_path()}/start"))
    assert started["properties"]["runningStatus"] == "Running"
    assert emulator.on_loop(lambda: emulator.runtime.apps[key].running) is True


def test_secrets_are_listed_on_request_and_shown_nowhere_else(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "canary-7431"}]
    created = emulator.ask("PUT", emulator.app_path(), body)
    emulator.follow(created)
    assert "canary-7431" not in created.text
    assert "canary-7431" not in emulator.ask("GET", emulator.app_path()).text
    listed = emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()
    assert listed == {"value": [{"name": "key", "value": "canary-7431"}]}
    folder = emulator.emulator.settings.data_dir
    assert not [path for path in folder.rglob("*") if path.is_file() and b"canary-7431" in path.read_bytes()]


def test_a_patch_keeps_secrets_and_a_put_must_send_them_again(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "canary"}]
    app = emulator.deploy(body=body)
    emulator.follow(emulator.ask("PATCH", emulator.app_path(), {"tags": {"a": "b"}}))
    assert emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"][0]["value"] == "canary"
    refused = emulator.ask("PUT", emulator.app_path(), app)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "ContainerAppSecretInvalid")


def test_an_auth_token_is_for_one_app(emulator: Running) -> None:
    emulator.deploy()
    answer = emulator.ask("POST", f"{emulator.app_path()}/getAuthtoken").json()
    assert answer["type"] == "Microsoft.App/containerApps/accesstoken"
    claims = emulator.emulator._issuer.verify(answer["properties"]["token"], ["https://azurecontainerapps.dev"])
    assert claims["app"] == emulator.app_path().lower()


def test_revisions_are_restarted_deactivated_and_activated(emulator: Running) -> None:
    name = emulator.deploy()["properties"]["latestRevisionName"]
    one = f"{emulator.app_path()}/revisions/{name}"
    assert emulator.ask("POST", f"{one}/restart").status_code == 200
    assert emulator.runtime.restarted == [(emulator.app_path().lower(), name)]
    assert emulator.ask("POST", f"{one}/deactivate").status_code == 200
    assert emulator.ask("GET", one).json()["properties"]["runningState"] == "Stopped"
    assert emulator.ask("POST", f"{one}/activate").status_code == 200
    assert emulator.ask("GET", one).json()["properties"]["active"] is True
    assert emulator.ask("GET", f"{one}x").json()["error"]["code"] == "RevisionNotFound"
    assert emulator.ask("GET", f"{one}/replicas").json() == {"value": []}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        pytest.param({"environmentId": "nonsense"}, 400, "LinkedInvalidPropertyId", id="no id at all"),
        pytest.param({"environmentId": None}, 400, "LinkedInvalidPropertyId", id="no environment named"),
        pytest.param({"workloadProfileName": "nope"}, 400, "WorkloadProfileNotFound", id="no such profile"),
        pytest.param({"template": {"containers": "x"}}, 400, "InvalidRequestContent", id="containers that are text"),
        pytest.param({"template": None}, 400, "ContainerAppCreateMustContainContainer", id="no template"),
        pytest.param({"configuration": []}, 400, "InvalidRequestContent", id="configuration that is a list"),
    ],
)
def test_a_body_azure_would_refuse_is_refused(emulator: Running, change: dict, status: int, code: str) -> None:
    body = emulator.body()
    body["properties"] |= change
    answer = emulator.ask("PUT", emulator.app_path(), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


def test_a_gpu_app_names_the_profile_of_its_environment(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["workloadProfileName"] = "gpu-t4"
    body["properties"]["template"]["containers"][0]["resources"] = {"cpu": 8, "memory": "56Gi"}
    created = emulator.ask("PUT", emulator.app_path(), body)
    assert created.json()["properties"]["template"]["containers"][0]["resources"]["ephemeralStorage"] == "8Gi"
    emulator.follow(created)
    app = emulator.ask("GET", emulator.app_path()).json()
    assert app["properties"]["template"]["containers"][0]["resources"]["ephemeralStorage"] == ""
    assert emulator.on_loop(lambda: emulator.runtime.apps[emulator.app_path().lower()].revisions[0].gpus) == 1


def test_stable_versions_leave_out_what_only_previews_answer(emulator: Running) -> None:
    emulator.deploy()
    stable = emulator.ask("GET", emulator.app_path(), params={"api-version": "2025-01-01"}).json()["properties"]
    assert "patchingMode" not in stable
    assert "imageType" not in stable["template"]["containers"][0]
    assert "targetPortHttpScheme" not in stable["configuration"]["ingress"]


def test_a_revision_shows_the_address_that_reaches_it_alone(emulator: Running) -> None:
    name = emulator.deploy()["properties"]["latestRevisionName"]
    assert emulator.ask("GET", emulator.app_path()).json()["properties"]["latestRevisionFqdn"].startswith(f"{name}.")
    emulator.runtime.named[name] = "127.0.0.1:9500"
    emulator.runtime.named["blue"] = "127.0.0.1:9501"
    revision = emulator.ask("GET", f"{emulator.app_path()}/revisions/{name}").json()
    assert revision["properties"]["fqdn"] == "127.0.0.1:9500"
    assert emulator.deploy()["properties"]["latestRevisionFqdn"] == "127.0.0.1:9500"
    asked = f"address?app={emulator.app_path()}&name="
    assert emulator.control("GET", f"{asked}blue").json() == {"address": "127.0.0.1:9501"}
    assert emulator.control("GET", f"{asked}green").status_code == 404
    assert emulator.control("GET", "address?app=x&name=y").status_code == 400
