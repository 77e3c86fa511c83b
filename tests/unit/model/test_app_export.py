"""An app in other forms: what a PUT would say, with a parameter in the place of each secret's value."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.app_export import arm_template, bicep, exported, parameter, writable
from aca_notebook.model.az_create import shell_variable

ENVIRONMENT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/env"
VAULT = {"name": "vaulted", "keyVaultUrl": "https://v.vault.azure.net/secrets/x", "identity": "system"}
APP = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/scorer",
    "name": "scorer",
    "type": "Microsoft.App/containerApps",
    "location": "East US",
    "tags": {"owner": "ada", "note": "it's [fine]", "odd": "[concat('a')]"},
    "systemData": {"createdBy": "ada"},
    "identity": {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
    "properties": {
        "provisioningState": "Succeeded",
        "environmentId": ENVIRONMENT,
        "workloadProfileName": "gpu-t4",
        "latestRevisionName": "scorer--1",
        "configuration": {
            "activeRevisionsMode": "Single",
            "secrets": [{"name": "hf-token"}, VAULT],
            "ingress": {"fqdn": "x", "external": True, "targetPort": 8000, "allowInsecure": False, "traffic": None},
            "registries": [{"server": "r.azurecr.io", "identity": "system", "username": ""}],
            "dapr": None,
        },
        "template": {
            "containers": [
                {
                    "name": "scorer",
                    "image": "r.azurecr.io/scorer:1",
                    "env": [{"name": "TOKEN", "secretRef": "hf-token"}, {"name": "MODE", "value": "a b"}],
                    "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
                    "probes": [{"type": "Startup", "httpGet": {"path": "/", "port": 8000}}],
                }
            ],
            "scale": {
                "minReplicas": 0, "maxReplicas": 3, "cooldownPeriod": 300,
                "rules": [{"name": "http", "http": {"metadata": {"concurrentRequests": "10"}}}],
            },
        },
    },
}  # fmt: skip


def test_only_what_a_put_takes_is_written() -> None:
    app = writable(APP)
    assert set(app) == {"location", "tags", "identity", "properties"}
    assert app["identity"] == {"type": "SystemAssigned"}
    assert app["properties"]["configuration"]["ingress"] == {
        "external": True,
        "targetPort": 8000,
        "allowInsecure": False,
    }
    assert app["properties"]["template"]["containers"][0]["resources"] == {"cpu": 0.5, "memory": "1Gi"}
    assert app["properties"]["template"]["scale"]["minReplicas"] == 0, "zero is a value"


def test_an_empty_value_beside_a_reference_is_left_out_and_one_by_itself_kept() -> None:
    app = copy.deepcopy(APP)
    container = app["properties"]["template"]["containers"][0]
    container["env"] = [{"name": "A", "secretRef": "hf-token", "value": ""}, {"name": "B", "value": ""}]
    assert writable(app)["properties"]["template"]["containers"][0]["env"] == [
        {"name": "A", "secretRef": "hf-token"}, {"name": "B", "value": ""},
    ]  # fmt: skip


def test_a_templates_secrets_are_secure_parameters_and_its_text_no_expression() -> None:
    template = arm_template(APP)
    assert template["parameters"]["hfToken"] == {"type": "securestring"}
    assert "vaulted" not in template["parameters"], "the platform reads it from the vault"
    (resource,) = template["resources"]
    assert resource["properties"]["configuration"]["secrets"] == [
        {"name": "hf-token", "value": "[parameters('hfToken')]"},
        VAULT,
    ]
    assert resource["tags"]["odd"] == "[[concat('a')]"
    assert resource["tags"]["note"] == "it's [fine]"
    assert json.loads(exported(APP, "arm")) == template


def test_bicep_says_the_same_with_its_own_quotes() -> None:
    text = bicep(APP)
    assert "@secure()\nparam hfToken string\n" in text
    assert "resource app 'Microsoft.App/containerApps@2025-07-01' = {\n  name: 'scorer'\n  location: location\n" in text
    assert "note: 'it\\'s [fine]'" in text
    assert "cpu: json('0.5')" in text
    assert "value: hfToken" in text
    assert "external: true" in text
    assert text.count("{") == text.count("}")


def test_a_form_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="'terraform' is no form of export; there are arm, bicep, az"):
        exported(APP, "terraform")


@given(some.from_regex(r"[a-z0-9]([-.a-z0-9]{0,20}[a-z0-9])?", fullmatch=True))
def test_every_secrets_name_makes_a_parameter_and_a_variable(name: str) -> None:
    assert parameter(name).isidentifier()
    assert shell_variable(name).strip("_") or name.strip("-.") == ""
    assert shell_variable(name) == shell_variable(name).upper()


TEXTS = some.text(some.characters(codec="ascii", exclude_categories=["Cc"]), max_size=30)


@given(TEXTS)
def test_any_text_is_kept_by_a_template_and_quoted_by_bicep(text: str) -> None:
    app = {**APP, "tags": {"t": text}}
    kept = arm_template(app)["resources"][0].get("tags", {}).get("t", "")
    assert kept == (f"[{text}" if text.startswith("[") else text)
    line = next((line for line in bicep(app).splitlines() if line.startswith("    t: '")), "    t: ''")
    inner = line.removeprefix("    t: '").removesuffix("'")
    assert inner.replace("\\${", "${").replace("\\'", "'").replace("\\\\", "\\") == text or "\\" in text
