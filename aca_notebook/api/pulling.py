"""Whether the identity that pulls an environment's images may do so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aca_notebook.api.pull_identity import puller_id, puller_principal
from aca_notebook.errors import AcaError
from aca_notebook.model.checkup import Check, judge_pull

if TYPE_CHECKING:
    from aca_notebook.api.access import Access

#: How a target says that the environment's own identity pulls.
ENVIRONMENT = "system-environment"
logger = logging.getLogger(__name__)


async def look_at_pull(access: Access) -> Check | None:
    """Return whether who pulls for the environment has AcrPull, None where we may not look: the platform will say."""
    try:
        environment = await access.ask(lambda services: services.environments.document())
        registry = await access.ask(lambda services: services.subscriptions.registry())
        if puller_id(environment) is None and access.target.registry_identity != ENVIRONMENT:
            return None
        principal = await puller_principal(access, environment)
        if not principal:
            return judge_pull("", [], registry["id"])
        assigned = await access.ask(
            lambda services: services.subscriptions.role_assignments(registry["id"], principal)
        )  # fmt: skip
    except AcaError as unknown:
        logger.debug("whether images can be pulled is not known: %s", unknown)
        return None
    return judge_pull(principal, assigned, registry["id"])
