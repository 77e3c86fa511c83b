"""The secret values in what is asked for, and those that are answered: apps and jobs have them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.values import items, member, text

if TYPE_CHECKING:
    from aca_notebook.emulator.identity.secrets import Secrets

Document = dict[str, Any]
_PATH = "properties.configuration.secrets"


def asked_values(asked: Document) -> dict[str, str]:
    """Return the values a body brings, by name; secrets without one come from a vault, or stay as they are.

    Raises `AzureError` 400 for a member of another type than the API describes.
    """
    configuration = member((asked.get("properties") or {}).get("configuration"), "properties.configuration")
    return {
        str(secret.get("name")): text(secret["value"], f"{_PATH}.value")
        for secret in items(configuration.get("secrets"), _PATH)
        if secret.get("value") is not None
    }


def kept_values(secrets: Secrets, owner: str, document: Document) -> dict[str, str]:
    """Return the values that are stored for the secrets of a document, by name."""
    names = {secret["name"] for secret in document["properties"]["configuration"]["secrets"] or ()}
    return {name: secrets.get(owner, name) for name in names if secrets.has(owner, name)}


def listed_secrets(secrets: Secrets, owner: str, document: Document) -> Document:
    """Return what listSecrets answers: each with its value, if it has one here."""
    values = kept_values(secrets, owner, document)
    shown = [
        each | ({"value": values[each["name"]]} if each["name"] in values else {})
        for each in document["properties"]["configuration"]["secrets"] or ()
    ]
    return {"value": shown}
