"""An app as the command that makes it: all of it by flags, or all of it by a file."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.app_export import writable
from aca_notebook.model.az_create import create_lines, quoted, with_variables
from aca_notebook.model.az_equivalent import az_lines
from aca_notebook.model.wire_call import WireCall
from aca_notebook.model.yaml_text import yaml_text
from tests.unit.model.test_app_export import APP, ENVIRONMENT


def plain() -> dict[str, Any]:
    """An app that flags can say."""
    app = copy.deepcopy(APP)
    del app["properties"]["template"]["containers"][0]["probes"]
    return app


def created(app: dict[str, Any]) -> list[str]:
    return create_lines(app, writable(app))


def printed(script: str) -> str:
    """What a shell prints, in which the secret has a value."""
    run = subprocess.run(["bash", "-c", f"HF_TOKEN=v4lue; {script}\n"], capture_output=True, text=True, check=True)
    return run.stdout


def words(line: str) -> list[str]:
    """What a shell makes of a line."""
    return printed(f"printf '%s\\n' {line}").splitlines()


def test_flags_say_all_of_an_app_that_has_nothing_else() -> None:
    (line,) = created(plain())
    said = words(line)
    for flag, *values in (
        ["-n", "scorer"], ["-g", "g"], ["--environment", ENVIRONMENT], ["--cpu", "0.5"], ["--memory", "1Gi"],
        ["--env-vars", "TOKEN=secretref:hf-token", "MODE=a b"], ["--min-replicas", "0"], ["--max-replicas", "3"],
        ["--ingress", "external"], ["--target-port", "8000"], ["--registry-identity", "system"], ["--system-assigned"],
        ["--workload-profile-name", "gpu-t4"], ["--revisions-mode", "single"], ["--scale-rule-type", "http"],
        ["--scale-rule-metadata", "concurrentRequests=10"],
        ["--secrets", "hf-token=v4lue", "vaulted=keyvaultref:https://v.vault.azure.net/secrets/x,identityref:system"],
    ):  # fmt: skip
        at = said.index(flag)
        assert said[at + 1 : at + 1 + len(values)] == values, flag


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("container", "probes", [{"type": "Startup"}]),
        ("container", "volumeMounts", [{"volumeName": "v"}]),
        ("template", "volumes", [{"name": "v"}]),
        ("template", "initContainers", [{"name": "i"}]),
        ("scale", "cooldownPeriod", 60),
        ("scale", "rules", [{"name": "a"}, {"name": "b"}]),
        ("ingress", "stickySessions", {"affinity": "sticky"}),
        ("ingress", "traffic", [{"weight": 100, "revisionName": "x"}]),
        ("configuration", "maxInactiveRevisions", 5),
        ("configuration", "registries", [{"server": "x", "passwordSecretRef": "hf-token", "username": "u"}]),
    ],
)
def test_what_no_flag_says_makes_it_a_file_that_says_everything(where: str, name: str, value: object) -> None:
    app = plain()
    template, configuration = app["properties"]["template"], app["properties"]["configuration"]
    {
        "container": template["containers"][0], "template": template, "scale": template["scale"],
        "configuration": configuration, "ingress": configuration["ingress"],
    }[where][name] = value  # fmt: skip
    file, command = created(app)
    assert command == "az containerapp create -n scorer -g g --yaml scorer.yaml"
    said = printed(file.replace("cat > scorer.yaml", "cat"))
    wanted = writable(app)
    wanted["properties"]["configuration"]["secrets"][0]["value"] = "v4lue"
    read = yaml.safe_load(said)
    assert (read.pop("name"), read.pop("type")) == ("scorer", "Microsoft.App/containerApps")
    assert read == wanted


def test_no_value_of_a_secret_is_in_a_body_that_is_shown() -> None:
    body = {
        "properties": {
            "configuration": {"secrets": [{"name": "a-b", "value": "s3cret"}, {"name": "c", "keyVaultUrl": "u"}]}
        }
    }
    shown = with_variables(body)
    assert shown["properties"]["configuration"]["secrets"] == [
        {"name": "a-b", "value": "$A_B"}, {"name": "c", "keyVaultUrl": "u"},
    ]  # fmt: skip
    assert body["properties"]["configuration"]["secrets"][0]["value"] == "s3cret", "the body itself stays"


@given(some.text(some.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=30))
def test_any_word_stands_in_a_shell_as_it_is(text: str) -> None:
    said = subprocess.run(["bash", "-c", f"printf %s {quoted(text)}"], capture_output=True, check=True).stdout
    assert said.decode() == text


PLAIN_VALUES = ["$HOME/x", "$HF_TOKEN", "a$(id)`id`", r"\u0000HF_TOKEN\u0000", 'say "$USER"', "${HOME}"]


@pytest.mark.parametrize("probes", [[], [{"type": "Startup"}]])
@pytest.mark.parametrize("value", PLAIN_VALUES)
def test_of_all_that_looks_like_a_variable_only_our_own_are_filled_in(value: str, probes: list[object]) -> None:
    """By flags without a probe, by a file with one."""
    app = plain()
    container = app["properties"]["template"]["containers"][0]
    container["env"], container["probes"] = [{"name": "COST", "value": value}], probes
    lines = created(app)
    if not probes:
        said = words(lines[0])
        assert f"COST={value}" in said
        assert "hf-token=v4lue" in said
        return
    read = yaml.safe_load(printed(lines[0].replace("cat > scorer.yaml", "cat")))
    assert read["properties"]["template"]["containers"][0]["env"] == container["env"]
    assert read["properties"]["configuration"]["secrets"][0]["value"] == "v4lue"


@pytest.mark.parametrize("value", PLAIN_VALUES)
def test_a_body_of_az_rest_has_our_own_variables_filled_in(value: str) -> None:
    body = {"tags": {"cost": value}, "secrets": [{"name": "hf-token", "value": "s3cret"}]}
    call = WireCall("PUT", "/subscriptions/s/resourceGroups/g/providers/A.B/c/d", "1", body)
    (line,) = az_lines([call])
    assert json.loads(words(line)[-1]) == {**body, "secrets": [{"name": "hf-token", "value": "v4lue"}]}


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-9, 99)
    | some.text(max_size=12)
    | some.sampled_from(["on", "1e3", "~"]),
    lambda part: some.lists(part, max_size=3) | some.dictionaries(some.text(min_size=1, max_size=8), part, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_yaml_is_read_as_the_document_it_was_written_from(document: object) -> None:
    assert yaml.safe_load(yaml_text(document)) == document
