"""What the platform gives containers for the identities of their app: pulls from registries, and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.registries import TYPE as REGISTRY_TYPE
from aca_notebook.emulator.arm.role_definitions import PULL
from aca_notebook.emulator.identity.replica_keys import Holder, ReplicaKeys
from aca_notebook.emulator.runtime.images import normalise
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.emulator.arm.directory import ManagedIdentities
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.principals import Applications
    from aca_notebook.emulator.identity.secrets import Secrets

Document = dict[str, Any]
_PASSWORDS = ("password", "password2")


class HeldRoles(Protocol):
    """The role assignments."""

    def allows(self, principal_id: str, action: str, scope: ResourceId, *, on_data: bool = False) -> bool:
        """Tell whether a role that is in effect permits it."""
        ...


class PlatformGrants:
    """Asked by the runtime for each container that starts."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, store: Store, secrets: Secrets, roles: HeldRoles, applications: Applications,
        identities: ManagedIdentities, keys: ReplicaKeys, url: Callable[[], str], roots: str, subscription: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._secrets = secrets
        self._roles = roles
        self._applications = applications
        self._identities = identities
        self._keys = keys
        self._url = url
        self._roots = roots
        self._subscription = subscription

    def variables(self, resource: str, *, starting: bool) -> dict[str, str]:
        """Return the variables of a container whose app or job has an identity it may use (documented: the first two).

        The roots let it ask this emulator by https; on Azure it needs none. `starting` is an init container.
        """
        if not self._identities.of(resource, starting=starting):
            return {}
        return {
            "IDENTITY_ENDPOINT": f"{self._url()}/msi/token",
            "IDENTITY_HEADER": self._keys.issue(Holder(resource, starting)),
            **self.trust(),
        }

    def trust(self) -> dict[str, str]:
        """Return where the usual roots and this emulator's lie."""
        return {"REQUESTS_CA_BUNDLE": self._roots, "SSL_CERT_FILE": self._roots}

    def pull_refusal(self, resource: str, image: str) -> str:
        """Return why a registry of this emulator does not let an app have an image, in Azure's words; else nothing.

        An app that names no credential for the registry is not asked for one, where Azure would refuse it.
        """
        host = normalise(image).partition("/")[0]
        registry, document = self._registry(host), self._store.get(parse_id(resource))
        if registry is None or document is None or registry["properties"]["anonymousPullEnabled"]:
            return ""
        entries = document["properties"]["configuration"].get("registries") or ()
        entry = next((each for each in entries if str(each.get("server") or "").lower() == host), None)
        if entry is None or self._may_pull(document, resource, entry, parse_id(registry["id"])):
            return ""
        if not entry.get("identity"):
            return f'Invalid value: "{image}": GET https:: UNAUTHORIZED: authentication required'
        # Seen: an operation's error while a role assignment is not in effect yet.
        return (
            f'Invalid value: "{image}": unable to pull image using Managed identity {entry["identity"]} for registry '
            f"{entry['server']}"
        )

    def _may_pull(self, document: Document, resource: str, entry: Document, registry: ResourceId) -> bool:
        """Tell whether what an app names for a registry opens it."""
        if not entry.get("identity"):
            return self._password_fits(registry, resource, entry)
        principal = self._identities.named(document, entry["identity"])
        return principal is not None and self._roles.allows(principal.object_id, PULL, registry)

    def _registry(self, host: str) -> Document | None:
        registries = self._store.list(REGISTRY_TYPE, self._subscription)
        return next((each for each in registries if each["properties"]["loginServer"] == host), None)

    def _password_fits(self, registry: ResourceId, resource: str, entry: Document) -> bool:
        """Tell whether a user name and password are the admin user's, or an application's that may pull."""
        name, reference = str(entry.get("username") or "").lower(), entry.get("passwordSecretRef") or ""
        if not self._secrets.has(resource, reference):
            return False
        password = self._secrets.get(resource, reference)
        if name == registry.name.lower():
            known = [
                self._secrets.get(registry.key, each) for each in _PASSWORDS if self._secrets.has(registry.key, each)
            ]
            return password in known
        application = self._applications.find(name)
        return (
            application is not None
            and self._applications.knows_secret(application, password)
            and self._roles.allows(application.object_id, PULL, registry)
        )
