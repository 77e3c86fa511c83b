"""Secrets of an app: their names, where their values lie and who reads them. Values are in none of this."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\Z")
_VAULT = re.compile(r"https://[a-zA-Z0-9-]+\.vault\.[a-z0-9.-]+(:\d+)?/secrets/[A-Za-z0-9-]+(/[0-9a-f]+)?/?\Z")


@dataclass(frozen=True, slots=True)
class SecretState:
    """One secret: `key_vault_url` is empty for a value that the app itself holds.

    `read_by` are the variables and files of its containers that get it.
    """

    name: str
    key_vault_url: str = ""
    identity: str = ""
    read_by: tuple[str, ...] = ()


def check_secret_name(name: str) -> None:
    """Raise `ValueError` for a name that Azure would refuse (facts §13.1)."""
    if not _NAME.match(name):
        raise ValueError(
            f"{name!r} cannot be a secret's name: lower-case letters and digits, with '-' and '.' between them"
        )


def check_vault_url(url: str) -> None:
    """Raise `ValueError` for what is no address of a Key Vault secret."""
    if not _VAULT.match(url):
        raise ValueError(f"{url!r} is no secret of a vault; it looks like https://VAULT.vault.azure.net/secrets/NAME")


def read_secrets(document: Mapping[str, Any]) -> tuple[SecretState, ...]:
    """Return an app's secrets by its document, sorted by name."""
    properties = document.get("properties") or {}
    readers: dict[str, list[str]] = {}
    for secret, place in _readers(properties.get("template") or {}):
        readers.setdefault(secret, []).append(place)
    found = (properties.get("configuration") or {}).get("secrets") or []
    return tuple(
        SecretState(
            str(each["name"]), str(each.get("keyVaultUrl") or ""), str(each.get("identity") or ""),
            tuple(sorted(readers.get(str(each["name"]), ()))),
        )
        for each in sorted(found, key=lambda each: str(each["name"]))
    )  # fmt: skip


def _readers(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for container in [*(template.get("initContainers") or ()), *(template.get("containers") or ())]:
        for variable in container.get("env") or ():
            if variable.get("secretRef"):
                yield str(variable["secretRef"]), str(variable["name"])
    for volume in template.get("volumes") or ():
        for each in volume.get("secrets") or ():
            yield str(each.get("secretRef")), f"{volume.get('name')}/{each.get('path') or each.get('secretRef')}"
