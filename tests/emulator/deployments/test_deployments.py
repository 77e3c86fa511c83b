"""What deployments do beyond the ordinary: modules and loops, failures, complete mode, crashes, secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.emulator.deployments.deploying import (
    VERSION,
    ask,
    body,
    changes,
    deploy,
    follow,
    identity,
    path,
    predict,
    resources,
    template,
)
from tests.emulator.running import Running, running_emulator
from tests.emulator.test_access import ROLES, Caller
from tests.fakes.runtime import FakeOutcome

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-5d02-e1"


def job(emulator: Running, name: str, **more: Any) -> dict[str, Any]:
    """A job in the environment that is there."""
    containers = [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart-jobs:latest"}]
    configuration = {"triggerType": "Manual", "replicaTimeout": 60}
    properties = {
        "environmentId": emulator.environment_id, "configuration": configuration,
        "template": {"containers": containers},
    }  # fmt: skip
    found = {"type": "Microsoft.App/jobs", "apiVersion": "2025-01-01", "name": name, "location": "eastus"}
    return found | {"properties": properties, **more}


def app(emulator: Running, name: str = "scorer", **more: Any) -> dict[str, Any]:
    return {"type": "Microsoft.App/containerApps", "apiVersion": "2025-01-01", "name": name, **emulator.body(), **more}


def operations(emulator: Running, name: str = "one") -> dict[str, dict[str, Any]]:
    """What was done, by the name of the resource."""
    found = ask(emulator, "GET", f"{path(emulator, name)}/operations").json()["value"]
    return {each["properties"].get("targetResource", {}).get("resourceName", ""): each["properties"] for each in found}


def test_modules_loops_existing_resources_and_functions_of_ones_own(emulator: Running) -> None:
    asked = body(template("modules"), password=CANARY)
    assert set(changes(emulator, asked).values()) == {"Create", "Ignore"}
    found = deploy(emulator, asked)
    assert found["properties"]["provisioningState"] == "Succeeded", found["properties"].get("error")
    outputs = found["properties"]["outputs"]
    assert outputs["names"] == {"type": "Array", "value": ["job-a", "job-b"]}
    assert outputs["web"]["value"].endswith("/providers/Microsoft.App/containerApps/web")
    assert outputs["secret"] == {"type": "SecureString"}
    assert outputs["principal"]["value"]
    assert "storage" not in outputs
    web = emulator.ask("GET", emulator.app_path("web")).json()
    assert web["tags"] == {"note": "after job-a,job-b"}
    assert emulator.ask("POST", f"{emulator.app_path('web')}/listSecrets").json()["value"][0]["value"] == CANARY
    second = emulator.ask("GET", f"{emulator.group}/providers/Microsoft.App/jobs/job-b").json()
    environment = second["properties"]["template"]["containers"][0]["env"]
    assert environment == [{"name": "ROUND_0", "value": "1"}, {"name": "ROUND_1", "value": "1"}]
    names = {each["id"].rpartition("/")[2] for each in found["properties"]["outputResources"]}
    assert names == {"job-a", "job-b", "web", "a-identity"}
    left = {kind for name, kind in changes(emulator, asked).items() if name != "local"}
    assert left == {"NoChange"}


def test_secrets_are_in_no_document_and_in_no_answer(emulator: Running, data_dir: Path) -> None:
    deploy(emulator, body(template("modules"), password=CANARY))
    for name in ("one", "web", "again"):
        for tail in ("", "/operations"):
            assert CANARY not in ask(emulator, "GET", path(emulator, name) + tail).text
    assert CANARY not in json.dumps(predict(emulator, body(template("modules"), password=CANARY)))
    for file in data_dir.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
    told = ask(emulator, "POST", f"{path(emulator, 'one')}/listOutputsWithSecureValues", {}).json()
    assert told["secret"] == CANARY


def test_comments_and_a_template_without_quotes_are_read_as_az_sends_them(emulator: Running) -> None:
    template = '{\n "$schema": "x",\n "resources": [] // comment\n}'
    text = f'{{"properties": {{"parameters": {{}}, "mode": "Incremental", template:{template}}}}}'
    answer = emulator.ask("POST", f"{path(emulator)}/validate", None, params=VERSION, data=text.encode())
    assert answer.status_code == 200, answer.text
    assert answer.json()["properties"]["validatedResources"] == []


def test_a_refusal_names_the_line_and_the_column(emulator: Running) -> None:
    template = '{"$schema": "x",\n "resources": [\n  {"type": "a/b", "name": "[x()]", "apiVersion": "1"}]}'
    text = f'{{"properties": {{"mode": "Incremental", "template": {template}}}}}'
    answer = emulator.ask("PUT", path(emulator), None, params=VERSION, data=text.encode())
    error = answer.json()["error"]
    assert "The template resource '[x()]' at line '3' and column '3' is not valid" in error["message"]
    where = {"lineNumber": 3, "linePosition": 3, "path": "properties.template.resources.0"}
    assert error["additionalInfo"] == [{"type": "TemplateViolation", "info": where}]
    assert (answer.status_code, error["code"]) == (400, "InvalidTemplate")
    assert ask(emulator, "GET", path(emulator)).status_code == 404
    told = predict(emulator, body({"$schema": "x", "resources": [identity("[x()]")]}))
    assert (told["status"], told["error"]["code"]) == ("Failed", "InvalidTemplate")


def test_what_a_route_would_refuse_is_told_before_anything_is_written(emulator: Running) -> None:
    bad = job(emulator, "nightly")
    bad["properties"]["environmentId"] = f"{emulator.group}/providers/Microsoft.App/managedEnvironments/nowhere"
    asked = body(resources(identity("first"), bad))
    for answer in (
        ask(emulator, "POST", f"{path(emulator)}/validate", asked), ask(emulator, "PUT", path(emulator), asked),
    ):  # fmt: skip
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "InvalidTemplateDeployment")
        assert error["details"][0]["code"] == "ValidationForResourceFailed"
        assert error["details"][0]["details"][0]["code"] == "ManagedEnvironmentNotFound"
    first = f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/first"
    assert ask(emulator, "GET", first).status_code == 404


def test_validation_leaves_no_trace(emulator: Running, data_dir: Path) -> None:
    asked = body(template("main"), apiKey=CANARY)
    before = ask(emulator, "GET", f"{emulator.group}/resources").json()
    assert ask(emulator, "POST", f"{path(emulator)}/validate", asked).status_code == 200
    predict(emulator, asked)
    assert ask(emulator, "GET", f"{emulator.group}/resources").json() == before
    assert ask(emulator, "GET", path(emulator)).status_code == 404
    emulator.deploy("shop-web")  # nothing is reserved either


def test_a_failed_resource_fails_the_deployment_and_what_waits_for_it_is_not_written(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        waiting = job(emulator, "after", dependsOn=["[resourceId('Microsoft.App/containerApps', 'scorer')]"])
        answer = ask(emulator, "PUT", path(emulator), body(resources(app(emulator), waiting, identity("apart"))))
        emulator.on_loop(lambda: emulator.runtime.settle(FakeOutcome(ready=False, message="It exited with 1.")))
        status = follow(emulator, answer)
        assert status["status"] == "Failed"
        assert status["error"]["code"] == "DeploymentFailed"
        [failure] = status["error"]["details"]
        assert failure["code"] == "ResourceDeploymentFailure"
        done = operations(emulator)
        assert done["scorer"]["provisioningState"] == "Failed"
        assert done["scorer"]["statusMessage"]["error"] == failure
        assert done["apart"]["provisioningState"] == "Succeeded"
        assert "after" not in done
        found = ask(emulator, "GET", path(emulator)).json()["properties"]
        assert (found["provisioningState"], found["error"]["code"]) == ("Failed", "DeploymentFailed")


def test_while_one_runs_it_cannot_be_replaced_or_deleted_but_cancelled(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        asked = body(resources(app(emulator)))
        ask(emulator, "PUT", path(emulator), asked)
        emulator.eventually(lambda: "scorer" in operations(emulator))
        assert ask(emulator, "GET", path(emulator)).json()["properties"]["provisioningState"] == "Running"
        for method, content in (("PUT", asked), ("DELETE", None)):
            refused = ask(emulator, method, path(emulator), content)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "DeploymentActive")
        assert ask(emulator, "POST", f"{path(emulator)}/cancel").status_code == 204
        assert ask(emulator, "GET", path(emulator)).json()["properties"]["provisioningState"] == "Canceled"
        assert operations(emulator)["scorer"]["provisioningState"] == "Canceled"
        assert ask(emulator, "POST", f"{path(emulator)}/cancel").status_code == 409


def test_a_run_that_was_cut_off_is_taken_up_and_comes_to_its_end(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        then = identity("then", dependsOn=["[resourceId('Microsoft.App/containerApps', 'scorer')]"])
        asked = body(
            resources(app(emulator), then, parameters={"key": {"type": "securestring"}},
                      outputs={"key": {"type": "securestring", "value": "[parameters('key')]"}}),
            key=CANARY,
        )  # fmt: skip
        answer = ask(emulator, "PUT", path(emulator), asked)
        emulator.eventually(lambda: "scorer" in operations(emulator))
    status = "/" + answer.headers["Azure-AsyncOperation"].split("/", 3)[3]
    with running_emulator(data_dir) as emulator:
        emulator.eventually(lambda: emulator.ask("GET", status).json()["status"] != "Running")
        found = ask(emulator, "GET", path(emulator)).json()["properties"]
        assert found["provisioningState"] == "Succeeded", found.get("error")
        revisions = emulator.ask("GET", f"{emulator.app_path()}/revisions").json()["value"]
        assert len(revisions) == 1
        told = ask(emulator, "POST", f"{path(emulator)}/listOutputsWithSecureValues", {}).json()
        assert told == {"key": CANARY}


def test_a_complete_deployment_deletes_what_the_template_does_not_have(emulator: Running) -> None:
    group = emulator.group.replace("/local", "/alone")
    ask(emulator, "PUT", group, {"location": "eastus"})
    there = f"{group}/providers/Microsoft.Resources/deployments/one"
    follow(emulator, ask(emulator, "PUT", there, body(resources(identity("one"), identity("two")))))
    asked = body(resources(identity("two")), mode="Complete")
    told = ask(emulator, "POST", f"{there}/whatIf", asked)
    found = emulator.ask("GET", told.headers["Location"], params={}).json()["properties"]["changes"]
    assert {each["resourceId"].rpartition("/")[2]: each["changeType"] for each in found} == {
        "one": "Delete",
        "two": "NoChange",
    }
    follow(emulator, ask(emulator, "PUT", there, asked))
    assert [each["name"] for each in ask(emulator, "GET", f"{group}/resources").json()["value"]] == ["two"]


def test_a_prediction_tells_each_property_that_would_change(emulator: Running) -> None:
    deploy(emulator, body(resources(app(emulator))))
    changed = app(emulator)
    changed["properties"]["template"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    changed["properties"]["configuration"]["ingress"]["targetPort"] = 8080
    changed["tags"] = {"owner": "me"}
    found = predict(emulator, body(resources(changed)))["properties"]["changes"]
    [told] = [each for each in found if each["resourceId"].endswith("/scorer")]
    assert told["changeType"] == "Modify"
    by_path = {each["path"]: each for each in told["delta"]}
    assert by_path["properties.configuration.ingress.targetPort"] == {
        "path": "properties.configuration.ingress.targetPort", "propertyChangeType": "Modify", "before": 80,
        "after": 8080, "children": None,
    }  # fmt: skip
    assert by_path["tags"]["propertyChangeType"] == "Create"
    [container] = by_path["properties.template.containers"]["children"]
    assert (container["path"], container["propertyChangeType"]) == ("0", "Modify")
    assert container["children"][0]["path"] == "env"


def test_who_has_no_role_for_a_resource_cannot_deploy_it(emulator: Running) -> None:
    caller = Caller(emulator)
    caller.give("Contributor", emulator.group)
    subscription = emulator.environment["AZURE_SUBSCRIPTION_ID"]
    role = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['Reader']}"
    principal = caller.shown["objectId"]
    assignment = {
        "type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01", "name": "[guid('a')]",
        "properties": {"roleDefinitionId": role, "principalId": principal},
    }  # fmt: skip
    refused = caller.ask("PUT", path(emulator), body(resources(identity("first"), assignment)))
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["details"][0]["code"] == "AuthorizationFailed"
    allowed = caller.ask("PUT", path(emulator), body(resources(identity("first"))))
    assert follow(emulator, allowed)["status"] == "Succeeded"
    elsewhere = path(emulator).replace("/local/", "/other/")
    assert caller.ask("PUT", elsewhere, body(resources())).status_code == 403


def test_a_parameter_may_be_a_vaults_secret_for_who_may_use_the_vault(emulator: Running) -> None:
    vault = f"{emulator.group}/providers/Microsoft.KeyVault/vaults/vaultfortemplates"
    properties = {
        "tenantId": emulator.environment["AZURE_TENANT_ID"], "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }  # fmt: skip
    made = {"location": "eastus", "properties": properties}
    assert ask(emulator, "PUT", vault, made).status_code == 200
    secret = ask(emulator, "PUT", f"{vault}/secrets/password", {"properties": {"value": CANARY}})
    assert secret.status_code == 200, secret.text
    reference = {"reference": {"keyVault": {"id": vault}, "secretName": "password"}}
    declared = {"password": {"type": "securestring"}}
    outputs = {"password": {"type": "securestring", "value": "[parameters('password')]"}}
    inner = resources(parameters=declared, outputs=outputs)
    module = {
        "type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "module",
        "properties": {
            "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"password": reference}, "template": inner,
        },
    }  # fmt: skip
    refused = ask(emulator, "POST", f"{path(emulator)}/validate", body(resources(module)))
    assert refused.json()["error"]["code"] == "KeyVaultParameterReferenceSecretRetrieveFailed"
    made["properties"] = properties | {"enabledForTemplateDeployment": True}
    ask(emulator, "PUT", vault, made)
    found = deploy(emulator, body(resources(module)))["properties"]
    assert found["provisioningState"] == "Succeeded", found.get("error")
    told = ask(emulator, "POST", f"{path(emulator, 'module')}/listOutputsWithSecureValues", {}).json()
    assert told == {"password": CANARY}
    caller = Caller(emulator)
    caller.give("Reader", vault)
    there = emulator.group.replace("/local", "/theirs")
    ask(emulator, "PUT", there, {"location": "eastus"})
    caller.give("Contributor", there)
    asked = {"properties": {"mode": "Incremental", "template": inner, "parameters": {"password": reference}}}
    stopped = caller.ask("PUT", f"{there}/providers/Microsoft.Resources/deployments/one", asked)
    assert (stopped.status_code, stopped.json()["error"]["code"]) == (403, "AuthorizationFailed")
