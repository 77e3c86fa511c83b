"""What an app's rules make of a request, before a replica hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.emulator.ingress.rules import Asked, Verdict, judge, rules_at, without_principal
from aca_notebook.emulator.runtime.ingress_rules import IngressRules, read_rules

ORIGIN = (b"Origin", b"https://page.example")


def rules(sign_in: dict[str, Any] | None = None, **ingress: Any) -> IngressRules:
    return read_rules({"external": True, "allowInsecure": True} | ingress, sign_in)


def asked(
    method: bytes = b"GET", target: bytes = b"/", *headers: tuple[bytes, bytes], client: str = "127.0.0.1",
    secure: bool = True,
) -> Asked:  # fmt: skip
    return Asked(method, target, "app.example:8400", headers, client, secure)


def signing_in(action: str = "", **validation: Any) -> dict[str, Any]:
    given = {"unauthenticatedClientAction": action} if action else {}
    return {
        "platform": {"enabled": True},
        "globalValidation": given | validation,
        "identityProviders": {"azureActiveDirectory": {"enabled": True}, "gitHub": {}},
    }


def test_an_app_that_asks_nothing_costs_nothing() -> None:
    assert rules_at(rules(), secure=False) is None
    only_https = rules(allowInsecure=False)
    assert rules_at(only_https, secure=True) is None
    assert rules_at(only_https, secure=False) is only_https


def test_plain_http_is_sent_to_https_with_all_it_asked() -> None:
    plain = asked(b"GET", b"/a?b=c", secure=False)
    sent = Verdict(301, "", ((b"location", b"https://app.example:8400/a?b=c"),))
    assert judge(rules(allowInsecure=False), plain) == sent
    assert judge(rules(allowInsecure=False), asked()) == Verdict()


def test_an_internal_app_is_for_its_environment_and_takes_plain_http() -> None:
    internal = rules(external=False, allowInsecure=False)
    assert judge(internal, asked(secure=False)) == Verdict(403)
    assert judge(internal, asked(secure=False)._replace(inside=True)) == Verdict()


@pytest.mark.parametrize(
    ("ranges", "action", "client", "comes_in"),
    [
        (["127.0.0.0/8"], "Allow", "127.0.0.1", True),
        (["127.0.0.1"], "allow", "127.0.0.1", True),
        (["10.0.0.0/8", "192.168.1.1"], "Allow", "127.0.0.1", False),
        (["127.0.0.1/32"], "Deny", "127.0.0.1", False),
        (["10.0.0.0/8"], "Deny", "127.0.0.1", True),
        (["2001:db8::/32"], "Allow", "127.0.0.1", False),
        (["127.0.0.9/8"], "Allow", "127.0.0.1", True),  # with bits beyond the mask
    ],
)
def test_addresses_are_allowed_or_denied(ranges: list[str], action: str, client: str, *, comes_in: bool) -> None:
    written = [{"name": "r", "ipAddressRange": each, "action": action} for each in ranges]
    expected = Verdict() if comes_in else Verdict(403, "RBAC: access denied")
    assert judge(rules(ipSecurityRestrictions=written), asked(client=client)) == expected


POLICY = {
    "allowedOrigins": ["https://page.example"], "allowedMethods": ["GET", "PUT"], "allowedHeaders": ["x-a", "x-b"],
    "exposeHeaders": ["x-seen"], "maxAge": 60, "allowCredentials": True,
}  # fmt: skip


def test_a_preflight_of_a_known_origin_is_answered() -> None:
    verdict = judge(
        rules(corsPolicy=POLICY), asked(b"OPTIONS", b"/", ORIGIN, (b"access-control-request-method", b"PUT"))
    )
    assert verdict.status == 200
    assert dict(verdict.headers) == {
        b"access-control-allow-origin": b"https://page.example", b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"GET,PUT", b"access-control-allow-headers": b"x-a,x-b",
        b"access-control-max-age": b"60",
    }  # fmt: skip


def test_an_answer_to_a_known_origin_says_that_it_may_be_read() -> None:
    verdict = judge(rules(corsPolicy=POLICY), asked(b"GET", b"/", ORIGIN))
    assert (verdict.status, dict(verdict.headers)) == (
        0,
        {
            b"access-control-allow-origin": b"https://page.example", b"access-control-allow-credentials": b"true",
            b"access-control-expose-headers": b"x-seen",
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [(), ((b"origin", b"https://other.example"),), ((b"origin", b"null"),)],
)
def test_other_origins_and_none_are_the_apps_own_business(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    preflight = asked(b"OPTIONS", b"/", *headers, (b"access-control-request-method", b"PUT"))
    assert judge(rules(corsPolicy=POLICY), preflight) == Verdict()


def test_every_origin_is_known_where_the_policy_has_a_star() -> None:
    verdict = judge(rules(corsPolicy={"allowedOrigins": ["*"]}), asked(b"GET", b"/", (b"origin", b"https://a.b")))
    assert verdict.headers == ((b"access-control-allow-origin", b"https://a.b"),)


def test_a_policys_texts_cannot_add_headers() -> None:
    policy = {"allowedOrigins": ["*"], "exposeHeaders": ["a\r\nset-cookie: b"]}
    verdict = judge(rules(corsPolicy=policy), asked(b"GET", b"/", ORIGIN))
    assert dict(verdict.headers)[b"access-control-expose-headers"] == b"aset-cookie: b"


@pytest.mark.parametrize(
    ("sign_in", "accept", "status"),
    [
        (signing_in("Return401"), b"text/html", 401),
        (signing_in("Return403"), b"text/html", 403),
        (signing_in("AllowAnonymous"), b"text/html", 0),
        (signing_in("RedirectToLoginPage"), b"text/html,*/*", 302),
        (signing_in("RedirectToLoginPage"), b"application/json", 401),
        (signing_in(), b"text/html", 302),
        (signing_in("Return401") | {"platform": {"enabled": False}}, b"*/*", 0),
        ({}, b"*/*", 0),
    ],
)
def test_nobody_is_signed_in(sign_in: dict[str, Any], accept: bytes, status: int) -> None:
    assert judge(rules(sign_in), asked(b"GET", b"/", (b"accept", accept))).status == status


def test_a_page_is_sent_to_the_login_and_knows_the_way_back() -> None:
    page = asked(b"GET", b"/a?b=c", (b"accept", b"text/html"))
    location = b"/.auth/login/aad?post_login_redirect_uri=%2Fa%3Fb%3Dc"
    assert judge(rules(signing_in("RedirectToLoginPage")), page).headers == ((b"location", location),)
    to_hub = signing_in("RedirectToLoginPage", redirectToProvider="GitHub")
    assert judge(rules(to_hub), page).headers[0][1].startswith(b"/.auth/login/github?")


def test_excluded_paths_are_for_all() -> None:
    excluding = rules(signing_in("Return401", excludedPaths=["/Health", "/open/*"]))
    for target in (b"/health", b"/health/", b"/HEALTH?x=1", b"/open/a/b"):
        assert judge(excluding, asked(b"GET", target)) == Verdict()
    for target in (b"/healthy", b"/health/deep", b"/open", b"/"):
        assert judge(excluding, asked(b"GET", target)).status == 401


def test_the_sign_ins_own_pages_say_that_there_is_none() -> None:
    anonymous = rules(signing_in("AllowAnonymous"))
    assert judge(anonymous, asked(b"GET", b"/.auth/me")).status == 401
    assert judge(anonymous, asked(b"GET", b"/.auth/login/aad")).status == 501
    moved = rules(signing_in("AllowAnonymous") | {"httpSettings": {"routes": {"apiPrefix": "/who/"}}})
    assert judge(moved, asked(b"GET", b"/who/login/aad")).status == 501
    assert judge(moved, asked(b"GET", b"/.auth/me")) == Verdict()


def test_a_page_may_read_that_it_must_sign_in() -> None:
    turned = judge(rules(signing_in("Return401"), corsPolicy=POLICY), asked(b"GET", b"/", ORIGIN))
    assert (turned.status, dict(turned.headers)[b"access-control-allow-origin"]) == (401, b"https://page.example")


def test_nobody_says_for_himself_who_he_is() -> None:
    headers = [(b"X-MS-CLIENT-PRINCIPAL-NAME", b"root"), (b"x-ms-token-aad-id-token", b"t"), (b"x-ms-other", b"kept")]
    assert without_principal(headers) == [(b"x-ms-other", b"kept")]
