"""Secrets: no value ever stands on a line."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option


@dataclass(frozen=True, slots=True)
class Secret:
    """What to do with a secret: of an `app`, or of this notebook's deploys to come when that is empty."""

    action: str
    name: str = ""
    app: str = ""
    from_env: str = ""
    keyvault: str = ""
    identity: str = "system"


_APP = Option(("--app",), "the app (default: this kernel, for later deploys)", completes="app", metavar="APP")
_NAME = Option(("name",), "the secret: lower-case letters, digits, '-' and '.'", completes="secret")

COMMANDS = (
    Command(
        "secret set", "Set a secret: its value is asked for without an echo, and shown nowhere.", Secret,
        (
            _NAME, _APP,
            Option(("--from-env",), "the variable of the kernel that has the value", metavar="VARIABLE"),
            Option(("--keyvault",), "the secret's address in a Key Vault, which the platform reads", metavar="URL"),
            Option(("--identity",), "who reads the vault: system, or an identity's id", metavar="ID"),
        ),
        ("%aca secret set hf-token", "%aca secret set hf-token --app scorer --from-env HF_TOKEN",
         "%aca secret set hf-token --app scorer --keyvault https://my-vault.vault.azure.net/secrets/hf-token"),
        "az containerapp secret set --name NAME --secrets NAME=VALUE", fixed={"action": "set"},
    ),
    Command(
        "secret form", "Open a form for secrets in the page: a value is shown and saved nowhere.", Secret,
        (
            Option(("name",), "the secret: lower-case letters, digits, '-' and '.'", optional=True), _APP,
        ),
        ("%aca secret form", "%aca secret form hf-token", "%aca secret form hf-token --app scorer"),
        "az containerapp secret set --name NAME --secrets NAME=VALUE", fixed={"action": "form"},
    ),
    Command(
        "secret list", "List secrets by name: where each value lies, and what reads it.", Secret, (_APP,),
        ("%aca secret list", "%aca secret list --app scorer", "table = %aca secret list --app scorer"),
        "az containerapp secret list --name NAME", fixed={"action": "list"},
    ),
    Command(
        "secret remove", "Remove a secret.", Secret, (_NAME, _APP),
        ("%aca secret remove hf-token", "%aca secret remove hf-token --app scorer", "%aca secret remove $name"),
        "az containerapp secret remove --name NAME --secret-names SECRET", fixed={"action": "remove"},
    ),
)  # fmt: skip
