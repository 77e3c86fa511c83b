"""Secrets: set, listed and removed on an app, and kept in this process for the deploys to come.

A value goes from the person to the platform and to nowhere else: no repr, no output, no journal and no error has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.secret import SecretState, check_secret_name, check_vault_url, read_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document


class SecretBox:
    """Values that a person has given to this process, by name. They are never written anywhere."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._values: dict[str, str] = {}
        self._redactor = redactor or Redactor()

    def put(self, name: str, value: str) -> None:
        """Keep a value. Raises `UsageFailed` for a name Azure would refuse, and for no value."""
        checked(name, value)
        self._redactor.learn(value)
        self._values[name] = value

    def get(self, name: str) -> str | None:
        """Return a value, None for one that nobody gave."""
        return self._values.get(name)

    def remove(self, name: str) -> None:
        """Forget a value. Raises `NotFound`."""
        if self._values.pop(name, None) is None:
            raise NotFound(
                f"this notebook keeps no secret {name!r}", code="SecretNotFound", hint="`%aca secret list` lists them"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """What it keeps."""
        return tuple(sorted(self._values))

    def __repr__(self) -> str:
        return f"<SecretBox: {', '.join(self.names) or 'empty'}>"


def checked(name: str, value: str) -> None:
    """Raise `UsageFailed` for a secret that cannot be."""
    try:
        check_secret_name(name)
    except ValueError as bad:
        raise UsageFailed(str(bad), code="InvalidSecretName", hint="call it like hf-token") from None
    if not value:
        raise UsageFailed(
            f"the secret {name!r} has no value",
            code="InvalidSecret",
            hint="type it, or name a variable: --from-env NAME",
        )


class AppSecrets:
    """The secrets of one app. A PATCH replaces the list, so each write sends all of it, with the values it has."""

    def __init__(self, access: Access, app: str) -> None:
        self._access = access
        self._app = app

    async def states(self) -> tuple[SecretState, ...]:
        """Return every secret, without values."""
        return read_secrets(await self._document())

    async def set(self, name: str, value: str) -> None:
        """Set a value. What runs reads it after a restart."""
        checked(name, value)
        self._access.redactor.learn(value)
        await self._put({"name": name, "value": value})

    async def refer(self, name: str, key_vault_url: str, identity: str = "system") -> None:
        """Let the platform read a secret from a Key Vault, with the app's own identity or with one that is named."""
        checked(name, key_vault_url)
        try:
            check_vault_url(key_vault_url)
        except ValueError as bad:
            raise UsageFailed(str(bad), code="InvalidKeyVaultUrl", hint="az keyvault secret show --query id") from None
        await self._put({"name": name, "keyVaultUrl": key_vault_url, "identity": identity})

    async def remove(self, name: str) -> None:
        """Remove a secret. Raises `NotFound`, and `ServiceFailed` in the platform's words while something reads it."""
        kept = await self._all()
        if name not in {each["name"] for each in kept}:
            raise NotFound(
                f"{self._app!r} has no secret {name!r}", code="SecretNotFound",
                hint=f"`%aca secret list --app {self._app}` lists them",
            )  # fmt: skip
        await self._patch([each for each in kept if each["name"] != name])

    async def _put(self, entry: Document) -> None:
        kept = await self._all()
        await self._patch([*(each for each in kept if each["name"] != entry["name"]), entry])

    async def _all(self) -> list[dict[str, Any]]:
        """Every secret as a write takes it."""
        document = await self._document()
        values: Mapping[str, str] = await self._access.ask(lambda services: services.apps.secrets(self._app))
        return [
            {"name": each.name, "keyVaultUrl": each.key_vault_url, "identity": each.identity}
            if each.key_vault_url
            else {"name": each.name, "value": values.get(each.name, "")}
            for each in read_secrets(document)
        ]

    async def _patch(self, secrets: list[dict[str, Any]]) -> None:
        body = {"properties": {"configuration": {"secrets": secrets}}}
        await self._access.ask(lambda services: services.apps.patch(self._app, body))

    async def _document(self) -> Document:
        return await self._access.ask(lambda services: services.apps.document(self._app))
