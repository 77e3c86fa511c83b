"""An app as a workflow of GitHub Actions that deploys it: signed in by OIDC, no password anywhere. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aca_notebook.model.az_create import create_lines, secret_entries, shell_variable
from aca_notebook.model.clouds import is_registry
from aca_notebook.model.yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
#: What a deploy says of itself, and no later one repeats.
_OF_ONE_DEPLOY = ("-expires", "-deployment", "-cell")
_BUILT = "build and push the image"


def workflow(document: Mapping[str, Any], app: Document) -> str:
    """Return the workflow's YAML: `app` is what a PUT of the app says, `document` has its name and id.

    An image that `%aca deploy` built is built again from the folder that `%aca export --to dockerfile` writes; each
    secret's value is one of the repository's.
    """
    name = str(document["name"])
    kept = {key: value for key, value in (app.get("tags") or {}).items() if not key.endswith(_OF_ONE_DEPLOY)}
    app = {**app, "tags": kept}
    image = str(app["properties"]["template"]["containers"][0]["image"])
    server, _, repository = image.partition("/")
    ours = is_registry(server) and re.fullmatch(rf"{re.escape(name)}:[0-9a-f]{{16}}", repository)
    build = {"name": _BUILT, "run": f"az acr build -r {server.split('.')[0]} -t {repository} {name}"}
    secrets = [shell_variable(str(each["name"])) for each in secret_entries(app) if not each.get("keyVaultUrl")]
    deploy: Document = {"name": f"make {name} what this file says"}
    if secrets:
        deploy["env"] = {each: f"${{{{ secrets.{each} }}}}" for each in secrets}
    deploy["run"] = "\n".join(create_lines(document, app)) + "\n"
    return _HEAD.format(name=name) + _with_blocks({
        "name": f"deploy {name}",
        "on": {"push": {"branches": ["main"]}, "workflow_dispatch": {}},
        "permissions": {"id-token": "write", "contents": "read"},
        "concurrency": f"deploy-{name}",
        "jobs": {"deploy": {"runs-on": "ubuntu-latest", "steps": [
            {"uses": "actions/checkout@v4"},
            {"uses": "azure/login@v2", "with": {
                "client-id": "${{ vars.AZURE_CLIENT_ID }}", "tenant-id": "${{ vars.AZURE_TENANT_ID }}",
                "subscription-id": "${{ vars.AZURE_SUBSCRIPTION_ID }}",
            }},
            *([build] if ours else []),
            deploy,
        ]}},
    })  # fmt: skip


_HEAD = """\
# Deploys {name} on each push to main. The identity AZURE_CLIENT_ID needs a federated credential for this repository
# and the role Contributor on the resource group: az ad app federated-credential create --help
"""


def _with_blocks(document: Document) -> str:
    """YAML in which a script of several lines stands as one reads it."""
    lines = []
    for line in yaml_text(document).splitlines():
        found = re.fullmatch(r'(\s*)(- )?run: "(.*)\\n"', line)
        if found is None:
            lines.append(line)
            continue
        indent = found[1] + " " * len(found[2] or "") + "  "
        script = json.loads(f'"{found[3]}"').split("\n")
        lines += [f"{found[1]}{found[2] or ''}run: |", *(f"{indent}{each}".rstrip() for each in script)]
    return "\n".join(lines) + "\n"
