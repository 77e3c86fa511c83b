"""The secrets of one deployment: those it names, those the app has already, and its key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aca_notebook.api import template
from aca_notebook.api.secrets import AppSecrets
from aca_notebook.errors import NotFound, UsageFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.api.plan import DeployOptions
    from aca_notebook.api.secrets import SecretBox
    from aca_notebook.azure.documents import Document


class DeploySecrets:
    """Values come from the person, by `box`, and from the app; they go to the app and to nowhere else."""

    def __init__(self, app: str, options: DeployOptions, access: Access, box: SecretBox) -> None:
        self._app = app
        self._options = options
        self._access = access
        self._box = box

    def given(self) -> dict[str, str]:
        """Return the values of the secrets this deployment names, as far as this process has them."""
        found = {name: self._box.get(name) for name in self._options.secret_names}
        return {name: value for name, value in found.items() if value is not None}

    def key(self, kept: Mapping[str, str]) -> dict[str, str]:
        """Return the key of a cell's door, that which it has or a new one; a foreign image has no such door."""
        if self._options.hosting.image:
            return {}
        return {template.KEY_SECRET: kept.get(template.KEY_SECRET) or secrets.token_urlsafe(32)}

    def check(self, document: Document | None) -> None:
        """Raise `UsageFailed` for a secret that neither this process nor the app has, before anything is sent."""
        properties = (document or {}).get("properties") or {}
        there = {each["name"] for each in (properties.get("configuration") or {}).get("secrets") or ()}
        missing = sorted(set(self._options.secret_names) - there - self.given().keys())
        if missing:
            raise UsageFailed(
                f"nobody has given the secret {missing[0]!r}",
                code="SecretNotFound",
                hint=f"%aca secret set {missing[0]}",
            )

    async def present(self) -> dict[str, str]:
        """Return the values the app has: its key among them, so that callers need not learn another."""
        try:
            return await self._access.ask(lambda services: services.apps.secrets(self._app))
        except NotFound:
            return {}

    async def renew(self, revision: str) -> tuple[str, ...]:
        """Give an app that is otherwise unchanged the values that are new, and replace what runs with the old ones.

        Returns the names of the secrets that changed.
        """
        given = self.given()
        present = await self.present() if given else {}
        changed = {name: value for name, value in given.items() if present.get(name) != value}
        for name, value in changed.items():
            await AppSecrets(self._access, self._app).set(name, value)
        if changed and revision:
            restart = self._access.services.apps.revision_action
            await self._access.ask(lambda _: restart(self._app, revision, "restart"))
        return tuple(sorted(changed))
