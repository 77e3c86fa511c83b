"""What Azure answers on a bad day, in its own words.

429: code as documented for Resource Manager (facts §13.2), sentence and `x-ms-failure-cause` from public reports.
504: azure-cli issue 31815. 500, 502: public reports of other providers' resources. 503: sentence unconfirmed.
401 and 403: Resource Manager's own, from public reports (terraform-provider-azurerm issue 20867).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.fault_kinds import DropConnection, ExpiredToken, Forbidden, Outage, Throttle
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aca_notebook.model.fault import Subject

#: Kinds that take the place of an answer.
Refusing = Throttle | Outage | DropConnection | ExpiredToken | Forbidden
REFUSING: tuple[type[Refusing], ...] = (Throttle, Outage, DropConnection, ExpiredToken, Forbidden)
_BY_GATEWAY = {"x-ms-failure-cause": "gateway"}
_BY_SERVICE = {"x-ms-failure-cause": "service"}
_EXPIRED_SINCE = timedelta(minutes=1)
_ACTIONS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "PUT": "write", "PATCH": "write"}


def refusal(fault: Refusing, subject: Subject, claims: Mapping[str, Any], now: datetime) -> AzureError:
    """Return what Azure says. A dropped connection says nothing; for it this is never asked."""
    match fault:
        case Throttle(retry_after):
            return _throttled(subject, retry_after)
        case Outage(status):
            return _outage(status, subject)
        case Forbidden():
            return _forbidden(subject, claims)
        case _:
            return expired(now - _EXPIRED_SINCE, now)


def expired(expiry: datetime, now: datetime) -> AzureError:
    """A token whose time is over."""
    code = "ExpiredAuthenticationToken"
    return AzureError(
        401, code,
        f"The access token expiry UTC time '{_spoken(expiry)}' is earlier than current UTC time '{_spoken(now)}'.",
        headers={"WWW-Authenticate": f'Bearer error="invalid_token", code="{code}"', **_BY_GATEWAY},
    )  # fmt: skip


def _throttled(subject: Subject, seconds: int) -> AzureError:
    subscription = re.search(r"/subscriptions/([^/]+)", subject.path, re.IGNORECASE)
    kinds = re.sub(r"/(subscriptions|resourcegroups|providers/[^/]+/[^/]+)/[^/]+", r"/\1", subject.path.lower())
    return AzureError(
        429, "TooManyRequests",
        f"Number of requests for subscription '{subscription[1] if subscription else ''}' and operation "
        f"'{subject.method}{kinds.upper()}' exceeded the backend storage limit. "
        f"Please try again after '{seconds}' seconds.",
        headers={"Retry-After": str(seconds), **_BY_GATEWAY},
    )  # fmt: skip


def _outage(status: int, subject: Subject) -> AzureError:
    named = re.search(r".*/providers/([^/]+)", subject.path, re.IGNORECASE)
    provider = named[1] if named else "Microsoft.Resources"
    code, message = {
        500: ("InternalServerError", "Encountered internal server error. Please try again later."),
        502: (
            "BadGatewayConnection",
            f"The network connectivity issue encountered for '{provider}'; cannot fulfill the request.",
        ),
        504: (
            "GatewayTimeout",
            f"The gateway did not receive a response from '{provider}' within the specified time period.",
        ),
    }.get(status, ("ServiceUnavailable", "The service is temporarily unavailable. Please try again later."))
    return AzureError(status, code, message, headers=_BY_SERVICE)


def _forbidden(subject: Subject, claims: Mapping[str, Any]) -> AzureError:
    return AzureError(
        403, "AuthorizationFailed",
        f"The client '{claims.get('appid', '')}' with object id '{claims.get('oid', '')}' does not have authorization "
        f"to perform action '{_action(subject)}' over scope '{subject.path}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials.",
        headers=_BY_GATEWAY,
    )  # fmt: skip


def _action(subject: Subject) -> str:
    verb = _ACTIONS.get(subject.method, "action")
    try:
        type_ = parse_id(subject.path).type
    except ValueError:  # a list, or something done to one: the path ends in a word of its own
        type_ = "/".join(part for part in subject.path.rpartition("/providers/")[2].split("/")[:2] if part)
    return f"{type_ or 'Microsoft.Resources/subscriptions/resourceGroups'}/{verb}"


def _spoken(moment: datetime) -> str:
    """A moment as these sentences have it: 1/18/2023 5:10:42 PM."""
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
