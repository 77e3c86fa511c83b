"""Who may do what, and what comes of it: principals, roles, vaults and what containers get for their identities, wired.

A part of the composition root, which is long enough without it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.directory import ManagedIdentities
from aca_notebook.emulator.arm.graph import Graph
from aca_notebook.emulator.arm.key_vault_secrets import KeyVaultSecrets
from aca_notebook.emulator.arm.key_vaults import KeyVaults
from aca_notebook.emulator.arm.platform_grants import PlatformGrants
from aca_notebook.emulator.arm.roles import Roles
from aca_notebook.emulator.arm.scope import Scope
from aca_notebook.emulator.arm.stored import Keeping
from aca_notebook.emulator.arm.vault_access import VaultAccess
from aca_notebook.emulator.arm.vault_references import VaultReferences
from aca_notebook.emulator.arm.vault_secrets import VaultSecrets
from aca_notebook.emulator.identity.access import Access
from aca_notebook.emulator.identity.device_codes import DeviceCodes
from aca_notebook.emulator.identity.device_routes import DeviceRoutes
from aca_notebook.emulator.identity.principal_routes import PrincipalRoutes
from aca_notebook.emulator.identity.principals import Applications
from aca_notebook.emulator.identity.replica_keys import ReplicaKeys
from aca_notebook.emulator.identity.routes import IdentityRoutes
from aca_notebook.emulator.ingress.service_ports import ServicePorts

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.certificates import Certificates
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.identity.tokens import Issuer
    from aca_notebook.emulator.ingress.ports import IngressPorts
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.settings import Settings


class Guards:
    """Made before the runtime, which asks `grants`; `http_url` is set once the emulator has its port."""

    def __init__(  # noqa: PLR0913  # it is a part of the composition root
        self, *, settings: Settings, client: Client, issuer: Issuer, database: Database, store: Store,
        secrets: Secrets, certificates: Certificates, ports: IngressPorts, clock: Clock,
        faults: Strikes,
    ) -> None:  # fmt: skip
        subscription = client.subscription_id
        self.http_url = ""
        self._client = client
        self._issuer = issuer
        self._clock = clock
        self.keys = ReplicaKeys(hashlib.sha256(b"replica" + settings.signing_key_path.read_bytes()).digest())
        self.keeping = Keeping(Scope(store, subscription), store, secrets, clock)
        self.roles = Roles(self.keeping, delay_seconds=settings.role_delay_seconds, faults=faults)
        self.access = Access(self.roles, client.object_id, subscription)
        self._applications = Applications(database, secrets, client)
        self._codes = DeviceCodes(clock)
        self._identities = ManagedIdentities(store, subscription)
        self.service_ports = ServicePorts(ports, certificates.context())
        self._vault_access = VaultAccess(self.access)
        self._vault_secrets = VaultSecrets(store, secrets, clock)
        self.vaults = KeyVaults(self.keeping, self._vault_secrets, self.service_ports)
        self.references = VaultReferences(
            store=store, vault_secrets=self._vault_secrets, access=self._vault_access, services=self.service_ports,
            secrets=secrets, identities=self._identities, subscription=subscription,
        )  # fmt: skip
        self.grants = PlatformGrants(
            store=store, secrets=secrets, roles=self.roles, applications=self._applications,
            identities=self._identities, keys=self.keys, url=lambda: self.http_url, roots=str(certificates.roots),
            subscription=subscription,
        )  # fmt: skip

    def nouns(
        self,
    ) -> tuple[IdentityRoutes, DeviceRoutes, PrincipalRoutes, Roles, Graph, KeyVaults, KeyVaultSecrets]:
        """What of all this answers HTTP."""
        return (
            IdentityRoutes(self._issuer, self._client, self._applications, self._identities, self._clock, self._codes),
            DeviceRoutes(self._codes, self._client.tenant_id),
            PrincipalRoutes(self._applications, self._client.tenant_id),
            self.roles,
            Graph(self._applications, self._identities),
            self.vaults,
            KeyVaultSecrets(self.vaults, self._vault_secrets, self._vault_access, self.service_ports),
        )
