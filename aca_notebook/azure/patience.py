"""How often the SDKs ask again by themselves, and for how long they wait: as they do, within reason."""

from __future__ import annotations

import logging
from typing import Any

from azure.core.pipeline.policies import AsyncRetryPolicy

logger = logging.getLogger(__name__)

#: A wait that is told, for a person would wonder; and one that is not begun, for a person would rather know.
TOLD_SECONDS = 3.0
LONGEST_SECONDS = 60.0


class Patience(AsyncRetryPolicy[Any, Any]):
    """Obeys Retry-After up to a minute. Resource Manager can ask for more than six."""

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Tell whether to ask again."""
        asked = self.get_retry_after(response)
        return not (asked and asked > LONGEST_SECONDS) and bool(super().is_retry(settings, response))

    async def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> None:
        """Wait, and say so when it takes long."""
        asked = self.get_retry_after(response) if response is not None else None
        if asked and asked >= TOLD_SECONDS:
            status = response.http_response.status_code
            logger.warning("the platform asks us to wait (HTTP %d): trying again in %g s", status, asked)
        await super().sleep(settings, transport, response=response)
