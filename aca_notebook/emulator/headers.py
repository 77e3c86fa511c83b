"""The headers that every answer of Resource Manager carries, as values (facts §0.7; recorded: every answer). Pure.

Left out is `strict-transport-security`: it would hold for every port of localhost.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator import api_versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_REGION = "eastus"
#: What is left of a subscription's allowance by what a request does. Nothing is used up: nobody is throttled here.
_LEFT = {"GET": ("reads", 1099), "HEAD": ("reads", 1099), "DELETE": ("deletes", 799)}
_LEFT_WRITES = ("writes", 799)
#: What a write of one of these has left of its own (recorded: app_e2e, env_e2e, job_manual_e2e, sessionpool_e2e).
_LEFT_OF_TYPE = {"containerapps": 699, "managedenvironments": 99, "jobs": 499, "sessionpools": 399}


def common_headers(asked: Mapping[str, str], request_id: str, now: datetime) -> dict[str, str]:
    """Return what any answer carries; `asked` are the request's own headers."""
    correlation = asked.get("x-ms-correlation-request-id") or request_id
    found = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{_REGION.upper()}:{now:%Y%m%dT%H%M%SZ}:{correlation}",
        "x-content-type-options": "nosniff",
    }
    client = asked.get("x-ms-client-request-id")
    if client and asked.get("x-ms-return-client-request-id", "").lower() == "true":
        found["x-ms-client-request-id"] = client
    return found


def provider_headers(
    method: str, template: str, api_version: str, *, status: int, by_gateway: bool, claims: Mapping[str, Any]
) -> dict[str, str]:
    """Return what an answer of a resource provider carries besides.

    `template` is the route's; `by_gateway` tells that Resource Manager answered without asking a provider.
    """
    found = {
        "pragma": "no-cache",
        "expires": "-1",
        "x-ms-operation-identifier": (
            f"tenantId={claims.get('tid', '')},objectId={claims.get('oid', '')}/{_REGION}/{uuid.uuid4()}"
        ),
    }
    if by_gateway:
        return found
    versions = api_versions.supported(template, api_version)
    if versions:
        found["api-supported-versions"] = versions
    return found | _allowance(method, template, status)


def _allowance(method: str, template: str, status: int) -> dict[str, str]:
    namespace, types = api_versions.type_of(template)
    if not namespace:
        return {}
    if (
        namespace == "microsoft.app"
        and method in {"PUT", "PATCH"}
        and len(types) == 1
        and status < HTTPStatus.MULTIPLE_CHOICES
    ):
        left = _LEFT_OF_TYPE.get(types[0])
        if left is not None:
            return {"x-ms-ratelimit-remaining-subscription-resource-requests": str(left)}
    what, left = _LEFT.get(method, _LEFT_WRITES)
    return {f"x-ms-ratelimit-remaining-subscription-{what}": str(left)}
