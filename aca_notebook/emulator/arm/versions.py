"""Fields that only preview versions of the API answer (recorded: ingress_e2e, the same app at two versions)."""

from __future__ import annotations

import copy
from typing import Any


def shown_to(api_version: str, app: dict[str, Any]) -> dict[str, Any]:
    """Return an app as `api_version` answers it: stable ones up to 2025-07-01 leave the preview's fields out."""
    if "preview" in api_version.lower() or api_version >= "2025-10-02":
        return app
    shown = copy.deepcopy(app)
    properties = shown["properties"]
    properties.pop("patchingMode", None)
    configuration = properties["configuration"]
    for name in ("targetLabel", "revisionTransitionThreshold"):
        configuration.pop(name, None)
    if configuration["ingress"]:
        configuration["ingress"].pop("targetPortHttpScheme", None)
    template = properties["template"]
    for container in (*(template["containers"] or ()), *(template["initContainers"] or ())):
        container.pop("imageType", None)
    return shown
