"""An app as a workflow: signed in without a password, and what it runs is what `export --to az` writes."""

from __future__ import annotations

import copy
from typing import Any

import yaml

from aca_notebook.model.app_export import exported, writable
from aca_notebook.model.az_create import create_lines
from tests.unit.model.test_app_export import APP


def read(app: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(exported(app, "github"))
    return found


def test_it_signs_in_by_oidc_and_runs_the_lines_of_az() -> None:
    found = read(APP)
    assert set(found) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert found["permissions"] == {"id-token": "write", "contents": "read"}
    checkout, login, deploy = found["jobs"]["deploy"]["steps"]
    assert (checkout["uses"], login["uses"]) == ("actions/checkout@v4", "azure/login@v2")
    assert set(login["with"]) == {"client-id", "tenant-id", "subscription-id"}
    assert deploy["run"] == "\n".join(create_lines(APP, writable(APP))) + "\n"
    assert deploy["env"] == {"HF_TOKEN": "${{ secrets.HF_TOKEN }}"}, "one in a vault needs none"


def test_an_image_that_a_deploy_built_is_built_again() -> None:
    app = copy.deepcopy(APP)
    app["properties"]["template"]["containers"][0]["image"] = "mine.azurecr.io/scorer:0123456789abcdef"
    build = read(app)["jobs"]["deploy"]["steps"][2]
    assert build["run"] == "az acr build -r mine -t scorer:0123456789abcdef scorer"


def test_what_one_deploy_says_of_itself_is_left_out() -> None:
    app = copy.deepcopy(APP)
    app["tags"] = {"aca-notebook-expires": "2026-01-01", "aca-notebook-digest": "d", "team": "ml"}
    text = exported(app, "github")
    assert "expires" not in text
    assert "team: ml" in text


def test_a_registry_of_a_sovereign_cloud_is_ours_too() -> None:
    app = copy.deepcopy(APP)
    app["properties"]["template"]["containers"][0]["image"] = "mine.azurecr.us/scorer:0123456789abcdef"
    assert read(app)["jobs"]["deploy"]["steps"][2]["run"].startswith("az acr build -r mine ")
