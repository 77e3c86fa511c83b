"""The secret values in what is asked for, and those that are answered: apps and jobs have them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.values import items, member, text
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.journal.database import Statement
    from aca_notebook.model.ids import ResourceId

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


async def launch_with(
    values: Mapping[str, str], secrets: Secrets, operations: Operations, operation: Operation,
    documents: Mapping[ResourceId, Document], *also: Statement,
) -> None:  # fmt: skip
    """Make documents and their secret values durable as one, then run; what fails leaves all as it was, and free."""
    try:
        async with secrets.replacing(operation.id.key, values) as switch:
            await operations.launch(operation, documents, *also, switch)
    except BaseException:
        operations.release(operation)
        raise


def listed_secrets(secrets: Secrets, owner: str, document: Document) -> Document:
    """Return what listSecrets answers: each with its value, but of one from a vault where that is (unconfirmed)."""
    values = kept_values(secrets, owner, document)
    shown = [
        each | ({"value": values[each["name"]]} if each["name"] in values and not each.get("keyVaultUrl") else {})
        for each in document["properties"]["configuration"]["secrets"] or ()
    ]
    return {"value": shown}


def lost_values(secrets: Secrets, documents: Iterable[Document]) -> tuple[str, ...]:
    """Return a sentence for each app or job whose document names secrets that have no value here."""
    sentences = []
    for document in documents:
        id_ = parse_id(document["id"])
        named = document["properties"]["configuration"].get("secrets") or ()
        gone = [each["name"] for each in named if "keyVaultUrl" not in each and not secrets.has(id_.key, each["name"])]
        if gone:
            kind = "job" if id_.type.lower().endswith("/jobs") else "app"
            word = "secret" if len(gone) == 1 else "secrets"
            sentences.append(
                f"{kind} {id_.name} has no value for its {word} {', '.join(gone)}: deploy it again with it"
            )
    return tuple(sentences)
