"""The table from the SDKs' errors to ours."""

from __future__ import annotations

import json
import ssl
from types import SimpleNamespace

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.core.exceptions import ResourceNotFoundError as SdkNotFound

from aca_notebook import errors
from aca_notebook.azure import faults


def answered(status: int, code: str = "", message: str = "said so", kind=HttpResponseError) -> HttpResponseError:
    """An SDK error as azure-core makes it from a response."""
    body = json.dumps({"error": {"code": code, "message": message}}) if code else "<html>"
    headers = {"x-ms-request-id": "request-1", "content-type": "application/json"}
    response = SimpleNamespace(status_code=status, reason="R", headers=headers, text=lambda *_: body, body=body.encode)
    return kind(response=response)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (409, "ContainerAppOperationInProgress", errors.Conflict),
        (404, "ResourceNotFound", errors.NotFound),
        (404, "", errors.NotFound),
        (400, "WorkloadProfileNotFound", errors.NotFound),
        (400, "MaximumAllowedCoresExceeded", errors.QuotaExceeded),
        (400, "ManagedEnvironmentCapacityHeavyUsageError", errors.QuotaExceeded),
        (429, "TooManyRequests", errors.Throttled),
        (429, "", errors.Throttled),
        (401, "AuthenticationFailed", errors.Unauthorized),
        (401, "ExpiredAuthenticationToken", errors.Unauthorized),
        (400, "AKSCapacityHeavyUsage", errors.QuotaExceeded),
        (504, "GatewayTimeout", errors.ServiceFailed),
        (403, "AuthorizationFailed", errors.Unauthorized),
        (507, "InsufficientStorage", errors.ServiceFailed),
        (400, "ContainerAppInvalidResourceTotal", errors.ServiceFailed),
        (400, "SomethingNew", errors.ServiceFailed),
        (500, "", errors.ServiceFailed),
    ],
)
def test_a_code_or_else_a_status_chooses_the_error(status, code, expected):
    ours = faults.translate(answered(status, code), "app 'scorer'")
    assert type(ours) is expected
    assert ours.status == status
    assert ours.request_id == "request-1"
    assert ours.code == (code or f"HTTP {status}")
    assert ours.hint, "every error says what to do next"


def test_the_platforms_words_are_kept_and_ours_name_the_thing():
    ours = faults.translate(
        answered(404, "ResourceNotFound", "The Resource was not found", SdkNotFound), "app 'scorer'"
    )
    assert ours.lines() == (
        "app 'scorer' does not exist",
        "ResourceNotFound: The Resource was not found (request request-1)",
        "run `%aca ps` to see what does",
    )


def test_a_refused_credential_is_not_mistaken_for_a_refused_request():
    ours = faults.translate(ClientAuthenticationError("AADSTS7000215: no"), "app 'scorer'")
    assert type(ours) is errors.Unauthorized


def refused_connection() -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(
        SimpleNamespace(host="h", port=1, ssl=True, is_ssl=True), ConnectionRefusedError(111, "refused")
    )


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (ServiceRequestError("no", error=refused_connection()), True),
        (refused_connection(), True),
        (aiohttp.ServerDisconnectedError(), False),
        (TimeoutError(), False),
    ],
    ids=["through an SDK", "from the network", "cut off in the middle", "too slow"],
)
def test_only_a_refused_connection_may_be_tried_again(error, refused):
    ours = faults.translate(error, "app 'scorer'")
    assert isinstance(ours, errors.Unreachable)
    assert ours.refused is refused


def test_a_certificate_that_is_not_trusted_is_named_and_not_waited_out():
    place = SimpleNamespace(host="h", port=443, ssl=True, is_ssl=True)
    shown = aiohttp.ClientConnectorCertificateError(place, ssl.SSLCertVerificationError("self-signed certificate"))
    ours = faults.translate(ServiceRequestError("no", error=shown), "app 'scorer'")
    assert isinstance(ours, errors.Unreachable)
    assert (ours.code, ours.passing, "SSL_CERT_FILE" in ours.hint) == (errors.UNTRUSTED, False, True)


def test_a_group_that_is_not_there_leads_to_the_set_up():
    body = json.dumps({"error": {"code": "ResourceGroupNotFound", "message": "'research' could not be found."}})
    ours = faults.refused(404, body, {}, "the apps of group 'research'")
    assert isinstance(ours, errors.NotFound)
    assert "%aca setup" in ours.hint


def test_our_own_errors_pass_through():
    mine = errors.UsageFailed("no")
    with pytest.raises(errors.UsageFailed) as raised, faults.translated("x"):
        raise mine
    assert raised.value is mine


@pytest.mark.parametrize(
    ("status", "code", "passing"),
    [
        (503, "ServiceUnavailable", True), (429, "TooManyRequests", True), (500, "", True),
        (401, "ExpiredAuthenticationToken", True), (401, "AuthenticationFailed", False), (404, "", False),
        (400, "QuotaExceeded", False), (507, "InsufficientStorage", False),
    ],
)  # fmt: skip
def test_an_error_tells_whether_it_may_be_over_in_a_moment(status, code, passing):
    assert faults.translate(answered(status, code), "app 'scorer'").passing is passing


def test_throttling_says_how_long_to_wait():
    ours = faults.answered(429, "TooManyRequests", "slow down", {"Retry-After": "372"}, "app 'scorer'")
    assert ours.hint == "wait 372 seconds, then try again"


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ('{"error": {"code": "ServiceUnavailable", "message": "later"}}', "ServiceUnavailable", "later"),
        ("<html>", "HTTP 503", "<html>"), ("[]", "HTTP 503", "[]"), ("", "HTTP 503", ""),
    ],
)  # fmt: skip
def test_an_answer_that_no_sdk_reads_is_told_in_the_platforms_words(body, code, detail):
    ours = faults.refused(503, body, {}, "the log stream")
    assert (ours.code, ours.detail) == (code, detail)
    assert ours.message == "the platform failed on the log stream"
