"""Templates become plans: what they deploy in which order, and what is refused in Azure's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aca_notebook.emulator.arm.deployment_requests import Settled, read_asked, settle
from aca_notebook.emulator.arm.templates.place import Place
from aca_notebook.emulator.arm.templates.scopes import Moment, Unresolved
from aca_notebook.emulator.wire import AzureError
from tests.emulator.deployments.deploying import body, identity, resources

GROUP = {"id": "/subscriptions/s/resourceGroups/g", "name": "g", "location": "eastus"}
PLACE = Place({"id": "/subscriptions/s", "subscriptionId": "s"}, GROUP, {}, {}, {"name": "d"}, {})
MOMENT = Moment(datetime(2026, 1, 1, tzinfo=UTC), lambda: "drawn")
IDENTITIES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities"


def settled(template: dict[str, Any], **parameters: Any) -> Settled:
    return settle(read_asked(json.dumps(body(template, **parameters))), PLACE, MOMENT)


def refusal(template: dict[str, Any], **parameters: Any) -> AzureError:
    with pytest.raises(AzureError) as refused:
        settled(template, **parameters)
    return refused.value


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"resources": [identity("[frobnicate('a')]")]}, "The template function 'frobnicate' is not valid"),
        ({"resources": [identity("a", dependsOn=["b"])]}, "The resource 'b' is not defined in the template"),
        ({"resources": [identity("a", dependsOn=["b"]), identity("b", dependsOn=["a"])]}, "Circular dependency"),
        ({"resources": [identity("a"), identity("A")]}, "is defined multiple times in a template"),
        ({"resources": [identity("a/b")]}, "has incorrect segment lengths"),
        ({"resources": [identity("[reference('x').y]")]}, "'reference' is not expected at this location"),
        ({"parameters": {"p": {"type": "string"}}}, "The value for the template parameter 'p'"),
        ({"parameters": {"p": {"type": "int", "defaultValue": "x"}}}, "Expected 'Integer'. Actual 'String'"),
        ({"parameters": {"p": {"type": "string", "defaultValue": "x", "allowedValues": ["y"]}}}, "value(s): 'y'"),
        ({"parameters": {"p": {"type": "int", "defaultValue": 9, "maxValue": 3}}}, "less than or equal to '3'"),
        ({"parameters": {"p": {"type": "string", "defaultValue": "x", "minLength": 3}}}, "or equal to '3'"),
        ({"parameters": {"p": {"type": "text"}}}, "its type 'text' is not one of"),
        ({"variables": {"v": "[variables('v')]"}}, "The template variable 'v' is not valid"),
        ({"resources": [identity("a", copy={"name": "c", "count": -1})]}, "must be an integer from 0 to 800"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_is_refused_in_azures_words(changed: dict[str, Any], words: str) -> None:
    refused = refusal({"$schema": "x", "resources": [], **changed})
    assert (refused.status, refused.code) == (400, "InvalidTemplate")
    assert refused.message.startswith("Deployment template validation failed: '")
    assert words in refused.message
    assert refused.body()["error"]["additionalInfo"][0]["type"] == "TemplateViolation"


def test_parameters_that_are_not_declared_are_refused() -> None:
    refused = refusal(resources(), unknown=1)
    assert "The template parameters 'unknown' in the parameters file are not valid" in refused.message


def test_a_secret_value_is_in_no_refusal() -> None:
    declared = {"p": {"type": "securestring", "allowedValues": ["a"]}}
    assert "canary" not in refusal(resources(parameters=declared), p="canary").message


def test_defaults_ask_for_one_another_and_for_the_present_moment() -> None:
    declared = {
        "last": {"type": "string", "defaultValue": "[format('{0}-{1}', parameters('first'), utcNow('yyyy'))]"},
        "first": {"type": "string", "defaultValue": "[newGuid()]"},
        "maybe": {"type": "string", "nullable": True},
        "own": {"$ref": "#/definitions/mine"},
    }
    definitions = {"mine": {"type": "int", "defaultValue": 3}}
    found = settled(resources(parameters=declared, definitions=definitions))
    assert found.values() == {"last": "drawn-2026", "first": "drawn", "maybe": None, "own": 3}


def test_names_of_parameters_are_read_in_any_case() -> None:
    declared = {"Name": {"type": "string"}}
    assert settled(resources(parameters=declared), nAME="x").values() == {"Name": "x"}


def test_what_an_expression_asks_about_is_waited_for_without_being_named() -> None:
    asking = identity("second", tags={"of": "[reference('first').principalId]"})
    plan = settled(resources(asking, identity("first"))).plan
    assert [each.name for each in plan.resources] == ["first", "second"]
    assert plan.resources[1].needs == {f"{IDENTITIES}/first".lower()}


def test_a_resource_whose_condition_does_not_hold_is_left_out_and_nobody_waits_for_it() -> None:
    left_out = identity("first", condition="[equals(1, 2)]")
    plan = settled(resources(left_out, identity("second", dependsOn=["first"]))).plan
    assert [(each.name, each.needs) for each in plan.resources] == [("second", frozenset())]


def test_serial_rounds_wait_for_the_batch_before_and_others_for_all_rounds() -> None:
    rounds = {"name": "many", "count": 5, "mode": "serial", "batchSize": 2}
    plan = settled(
        resources(identity("[format('i{0}', copyIndex())]", copy=rounds), identity("last", dependsOn=["many"]))
    ).plan
    needs = {each.name: sorted(need.rpartition("/")[2] for need in each.needs) for each in plan.resources}
    assert needs == {
        "i0": [], "i1": [], "i2": ["i0", "i1"], "i3": ["i0", "i1"], "i4": ["i2", "i3"],
        "last": ["i0", "i1", "i2", "i3", "i4"],
    }  # fmt: skip


def test_a_loop_without_rounds_can_be_waited_for() -> None:
    none = identity("[format('i{0}', copyIndex())]", copy={"name": "none", "count": 0})
    plan = settled(resources(none, identity("last", dependsOn=["none"]))).plan
    assert [each.name for each in plan.resources] == ["last"]


def test_children_are_named_after_what_they_stand_in() -> None:
    child = {"type": "storages", "apiVersion": "1", "name": "share"}
    parent = {"type": "Microsoft.App/managedEnvironments", "apiVersion": "1", "name": "env", "resources": [child]}
    plan = settled(resources(parent)).plan
    assert plan.resources[1].id.endswith("/Microsoft.App/managedEnvironments/env/storages/share")
    assert plan.resources[1].type == "Microsoft.App/managedEnvironments/storages"


@pytest.mark.parametrize(
    ("scope", "begins"),
    [
        ("Microsoft.App/jobs/j", f"{GROUP['id']}/providers/Microsoft.App/jobs/j/providers"),
        ("/subscriptions/s", "/subscriptions/s/providers"),
        ("[resourceGroup().id]", f"{GROUP['id']}/providers"),
    ],
)
def test_an_extension_is_on_what_its_scope_says(scope: str, begins: str) -> None:
    lock = {"type": "Microsoft.Authorization/locks", "apiVersion": "1", "name": "l", "scope": scope}
    [found] = settled(resources(lock)).plan.resources
    assert found.id == f"{begins}/Microsoft.Authorization/locks/l"


def test_a_template_inside_keeps_its_own_expressions_and_an_outer_one_takes_those_outside() -> None:
    inner = resources(identity("[variables('v')]"), outputs={"o": {"type": "string", "value": "[reference('x').y]"}})
    nested = {
        "type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "n",
        "properties": {"mode": "Incremental", "template": inner},
    }  # fmt: skip
    own = json.loads(json.dumps(nested))
    own["name"], own["properties"]["expressionEvaluationOptions"] = "m", {"scope": "inner"}
    plan = settled(resources(nested, own, variables={"v": "[[out]"})).plan
    outer, kept = (each.body({})["properties"]["template"] for each in plan.resources)
    assert outer["resources"][0]["name"] == "[[out]"
    assert outer["outputs"]["o"]["value"] == "[reference('x')['y']]"
    assert kept == inner


def test_what_only_the_platform_knows_is_asked_for() -> None:
    [found] = settled(resources(identity("a", tags={"k": "[listKeys('/x', '2020').key]"}))).plan.resources
    with pytest.raises(Unresolved) as missing:
        found.body({})
    asked = missing.value.lookup
    assert (asked.function, asked.id, asked.api_version) == ("listKeys", "/x", "2020")
    assert found.body({asked: {"key": 7}})["tags"] == {"k": 7}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "InvalidRequestContent"),
        ("[]", "InvalidRequestContent"),
        ("{}", "InvalidRequestContent"),
        ('{"properties": {"template": {"resources": []}, "mode": "Sideways"}}', "InvalidRequestContent"),
        ('{"properties": {"templateLink": {"uri": "https://example.org/t.json"}}}', "InvalidContentLink"),
        ('{"properties": {"template": {"resources": []}, "onErrorDeployment": {"type": "LastSuccessful"}}}',
         "NotImplemented"),
    ],
)  # fmt: skip
def test_what_is_no_deployment_is_refused(content: str, code: str) -> None:
    with pytest.raises(AzureError) as refused:
        read_asked(content)
    assert refused.value.code == code


def doubling(first: str, step: str) -> dict[str, str]:
    """Forty variables, each twice the one before."""
    return {"v0": first} | {f"v{at}": step.format(f"v{at - 1}") for at in range(1, 40)}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (doubling("[range(0, 100)]", "[concat(variables('{0}'), variables('{0}'))]"), "more than 10000 items"),
        (doubling("a", "[concat(variables('{0}'), variables('{0}'))]"), "longer than 5000000 characters"),
        (doubling("a", "[createArray(variables('{0}'), variables('{0}'))]"), "parts"),
    ],
    ids=["items", "characters", "parts"],
)
def test_a_template_that_grows_without_end_is_refused_soon(variables: dict[str, str], words: str) -> None:
    assert words in refusal(resources(variables=variables)).message
