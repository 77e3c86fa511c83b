"""What `%aca export --to arm` writes deploys, and the app is the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.model.app_export import arm_template, writable
from tests.emulator.deployments.deploying import deploy

if TYPE_CHECKING:
    from tests.emulator.running import Running


def test_an_exported_app_is_deployed_as_it_was(emulator: Running) -> None:
    body = emulator.body(scale={"minReplicas": 1, "maxReplicas": 4})
    body["tags"] = {"odd": "[concat('a')]", "owner": "ada"}
    body["identity"] = {"type": "SystemAssigned"}
    body["properties"]["configuration"]["secrets"] = [{"name": "hf-token", "value": "one"}]
    body["properties"]["template"]["containers"][0]["env"] = [{"name": "TOKEN", "secretRef": "hf-token"}]
    before = emulator.deploy(body=body)
    content = arm_template(before)
    emulator.follow(emulator.ask("DELETE", emulator.app_path()))

    asked = {"properties": {"mode": "Incremental", "template": content, "parameters": {"hfToken": {"value": "one"}}}}
    assert deploy(emulator, asked)["properties"]["provisioningState"] == "Succeeded"

    after = emulator.ask("GET", emulator.app_path()).json()
    assert writable(after) == writable(before)
    kept = emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()
    assert kept == {"value": [{"name": "hf-token", "value": "one"}]}
