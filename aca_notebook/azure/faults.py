"""One table from what the SDKs raise to what we raise.

The platform's code, text and request id are kept; our words and the next command are added.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from aca_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """What a platform code means to us: `{what}` in the texts stands for the thing asked about."""

    error: type[errors.ServiceFailed]
    message: str
    hint: str = ""


_BUSY = Fault(errors.Conflict, "another operation on {what} is in progress", "wait for it, then try again")
_GONE = Fault(errors.NotFound, "{what} does not exist", "run `%aca ps` to see what does")
_QUOTA = Fault(
    errors.QuotaExceeded,
    "the quota for {what} is used up",
    "take down what is not needed, ask for more (`%aca doctor` says where), or go to another region",
)
_CROWDED = Fault(errors.QuotaExceeded, "the region has no room for {what} now", "try another region, or later")
_LOGIN = Fault(errors.Unauthorized, "the platform refuses our credential", "run `%aca login`, or `%aca target local`")
_EXPIRED = Fault(errors.Unauthorized, "our token has expired", "run the command again; if it stays, `%aca login`")
_RIGHTS = Fault(errors.Unauthorized, "this account may not touch {what}", "ask for the Contributor role on the group")
_FULL = Fault(errors.ServiceFailed, "the disk of the target is full", "free some space, then run the command again")
_REFUSED = Fault(
    errors.ServiceFailed, "the platform refused the request for {what}", "change what it names, then try again"
)  # fmt: skip
_BROKEN = Fault(errors.ServiceFailed, "the platform failed on {what}", "try again; if it stays, keep the request id")

#: By the platform's code, in lower case (facts §13).
BY_CODE: dict[str, Fault] = {
    "containerappoperationinprogress": _BUSY,
    "operationinprogress": _BUSY,
    "resourcenotfound": _GONE,
    "resourcegroupnotfound": Fault(
        errors.NotFound,
        "the resource group of {what} does not exist",
        "`%aca setup` makes what a target lacks; `%aca target` says which group it is",
    ),
    "parentresourcenotfound": _GONE,
    "revisionnotfound": _GONE,
    "subscriptionnotfound": Fault(errors.NotFound, "the subscription does not exist", "run `az account list`"),
    "workloadprofilenotfound": Fault(
        errors.NotFound, "the environment has no workload profile of that kind", "run `%aca gpu` to see which it has"
    ),
    "maximumallowedcoresexceeded": _QUOTA,
    "quotaexceeded": _QUOTA,
    "maxnumberofregionalenvironmentsinsubexceeded": _QUOTA,
    "maxnumberofglobalenvironmentsinsubexceeded": _QUOTA,
    "managedenvironmentcapacityheavyusageerror": _CROWDED,
    "akscapacityheavyusage": _CROWDED,
    "toomanyrequests": Fault(errors.Throttled, "the platform asks us to slow down", "wait a minute, then try again"),
    "authenticationfailed": _LOGIN,
    "invalidauthenticationtoken": _LOGIN,
    "expiredauthenticationtoken": _EXPIRED,
    "authorizationfailed": _RIGHTS,
    "insufficientaccesserror": Fault(
        errors.Unauthorized,
        "this account may not read {what}",
        "ask for the role Log Analytics Reader on the workspace",
    ),
    "insufficientstorage": _FULL,
    "containerappinvalidresourcetotal": Fault(
        errors.ServiceFailed,
        "{what} asks for cores and memory that do not go together",
        "give --memory twice the --cpu, in Gi, or leave --memory out",
    ),
}

#: By HTTP status, where the code says nothing to us.
BY_STATUS: dict[int, Fault] = {
    401: _LOGIN,
    403: _RIGHTS,
    404: _GONE,
    409: _BUSY,
    429: BY_CODE["toomanyrequests"],
    507: _FULL,
}


def translate(error: BaseException, what: str) -> errors.AcaError:
    r"""Return our error for one of an SDK's, about `what` (\"app 'scorer'\")."""
    if isinstance(error, errors.AcaError):
        return error
    if isinstance(error, HttpResponseError):
        status = error.status_code or (401 if isinstance(error, ClientAuthenticationError) else 0)
        headers = getattr(error.response, "headers", None) or {}
        return answered(status, _code(error), _text(error), headers, what)
    return _unanswered(error, what)


def refused(status: int, body: str, headers: Mapping[str, str], what: str) -> errors.ServiceFailed:
    """Return our error for an answer that no SDK has read."""
    try:
        error = json.loads(body)["error"]
        code, text = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, text = "", body[:300]
    return answered(status, code, text, headers, what)


def answered(status: int, code: str, text: str, headers: Mapping[str, str], what: str) -> errors.ServiceFailed:
    """Return our error for the platform's code and text, or where the code says nothing to us for its status."""
    fallback = _BROKEN if status >= 500 else _REFUSED
    fault = BY_CODE.get(code.lower()) or BY_STATUS.get(status, fallback)
    wait = headers.get("Retry-After", "") if fault.error is errors.Throttled else ""
    ours = fault.error(
        fault.message.format(what=what),
        status=status,
        code=code or (f"HTTP {status}" if status else ""),
        detail=text,
        hint=f"wait {wait} seconds, then try again" if wait.isdecimal() else fault.hint,
        request_id=headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "",
    )
    if isinstance(ours, errors.Throttled) and wait.isdecimal():
        ours.retry_after_seconds = float(wait)
    return ours


def _unanswered(error: BaseException, what: str) -> errors.Unreachable:
    cause = error.inner_exception if isinstance(error, AzureError) and error.inner_exception else error
    if isinstance(cause, aiohttp.ClientPayloadError):
        return errors.Unreachable(
            f"{what} was cut off", refused=False, detail=str(cause), hint="run it again; `-f` goes on by itself"
        )
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return errors.Unreachable(
            f"whoever answered about {what} showed a certificate that nobody here vouches for", refused=True,
            code=errors.UNTRUSTED, detail=str(cause.certificate_error),
            hint="where a proxy stands between, name its authority's file in SSL_CERT_FILE",
        )  # fmt: skip
    refused = isinstance(cause, aiohttp.ClientConnectorError | ConnectionRefusedError)
    refused = refused and not isinstance(cause, aiohttp.ClientConnectorDNSError)
    return errors.Unreachable(
        f"the target did not answer about {what}",
        refused=refused,
        detail=str(cause) or type(cause).__name__,
        hint="run `%aca target local` again, or check the network",
    )


def _code(error: HttpResponseError) -> str:
    return (error.error.code or "") if error.error else ""


def _text(error: HttpResponseError) -> str:
    if error.error and error.error.message:
        return str(error.error.message)
    return (error.message or "").split("\n", 1)[0][:500]


#: What the network layers below us raise.
NETWORK_ERRORS = (
    AzureError, ServiceRequestError, ServiceResponseError, aiohttp.ClientError, asyncio.TimeoutError, OSError,
)  # fmt: skip


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our errors for the SDKs' inside the block."""
    try:
        yield
    except NETWORK_ERRORS as error:
        raise translate(error, what) from error
