"""What becomes of a request before any replica hears of it: pure.

Container Apps' ingress is Envoy: the order is its filters', address rules, https, CORS, and its words are kept. Sign-in
("Easy Auth") stands before the program on Azure too; here nobody can sign in, so nobody is.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from aca_notebook.emulator.runtime.ingress_rules import ANONYMOUS, FORBIDDEN, REDIRECT, IngressRules

if TYPE_CHECKING:
    from aca_notebook.emulator.ingress.heads import Headers
    from aca_notebook.emulator.runtime.ingress_rules import AddressRule, Cors, SignIn

_DENIED = "RBAC: access denied"
_NOT_PERMITTED = "You do not have permission to view this directory or page."
_NO_SIGN_IN = "Nobody can sign in here: this emulator enforces the sign-in of authConfigs and has no provider for it."
#: Only the platform may say who a caller is.
_PRINCIPAL = (b"x-ms-client-principal", b"x-ms-token-")


class Asked(NamedTuple):
    """A request, as far as rules look at it."""

    method: bytes
    target: bytes
    host: str
    headers: Headers
    client: str
    secure: bool
    inside: bool = False  #: it comes from a program of the app's own environment


class Verdict(NamedTuple):
    """The answer, if the ingress gives it itself; else `headers` go onto the replica's, over its own of that name."""

    status: int = 0
    text: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def rules_at(rules: IngressRules, *, secure: bool) -> IngressRules | None:
    """Return the rules for connections of one kind, None when none of them could touch a request."""
    at_rest = IngressRules()
    if secure and not rules.allow_insecure:
        rules = replace(rules, allow_insecure=True)
    return None if rules == at_rest else rules


def judge(rules: IngressRules, asked: Asked) -> Verdict:
    """Return what becomes of a request."""
    if rules.internal and not asked.inside:
        return Verdict(403)  # and not a word (recorded: app_exec)
    if rules.addresses and not admitted(rules.addresses, asked.client):
        return Verdict(403, _DENIED)
    if not rules.allow_insecure and not asked.secure:
        return Verdict(301, "", ((b"location", b"https://%s%s" % (asked.host.encode(), asked.target)),))
    verdict = _cors(rules.cors, asked) if rules.cors is not None else Verdict()
    if verdict.status or rules.sign_in is None:
        return verdict
    turned = _signed_in(rules.sign_in, asked)
    return turned._replace(headers=turned.headers + verdict.headers)


def admitted(rules: tuple[AddressRule, ...], client: str) -> bool:
    """Tell whether a client may come: one that a rule allows, or, where rules only deny, that none denies."""
    address = ipaddress.ip_address(client)
    if any(not rule.allow and address in rule.network for rule in rules):
        return False
    allowing = [rule for rule in rules if rule.allow]
    return not allowing or any(address in rule.network for rule in allowing)


def without_principal(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return a request's headers without those that would say who is signed in."""
    return [each for each in headers if not each[0].lower().startswith(_PRINCIPAL)]


def _cors(cors: Cors, asked: Asked) -> Verdict:
    origin, wanted = _header(asked.headers, b"origin"), _header(asked.headers, b"access-control-request-method")
    if not origin or not ("*" in cors.origins or origin.decode("latin-1").lower() in cors.origins):
        return Verdict()
    shared = [(b"access-control-allow-origin", origin)]
    if cors.credentials:
        shared.append((b"access-control-allow-credentials", b"true"))
    if asked.method == b"OPTIONS" and wanted:
        preflight = (("methods", cors.methods), ("headers", cors.headers))
        shared += [(b"access-control-allow-%s" % name.encode(), text.encode()) for name, text in preflight if text]
        shared += [(b"access-control-max-age", cors.max_age.encode())] if cors.max_age else []
        return Verdict(200, "", tuple(shared))
    if cors.exposed:
        shared.append((b"access-control-expose-headers", cors.exposed.encode()))
    return Verdict(headers=tuple(shared))


def _signed_in(sign_in: SignIn, asked: Asked) -> Verdict:
    path = asked.target.partition(b"?")[0].decode("latin-1")
    folded = path.lower()
    if folded == sign_in.prefix or folded.startswith(f"{sign_in.prefix}/"):
        return Verdict(401, _NO_SIGN_IN) if folded.endswith("/me") else Verdict(501, _NO_SIGN_IN)
    if sign_in.action == ANONYMOUS or any(_covers(each, folded) for each in sign_in.excluded):
        return Verdict()
    if sign_in.action == FORBIDDEN:
        return Verdict(403, _NOT_PERMITTED)
    if sign_in.action == REDIRECT and sign_in.provider and _is_navigation(asked):
        back = quote(asked.target, safe="")
        place = f"{sign_in.prefix}/login/{quote(sign_in.provider)}?post_login_redirect_uri={back}"
        return Verdict(302, "", ((b"location", place.encode()),))
    challenge = (b"www-authenticate", b'Bearer realm="%s"' % asked.host.encode())
    return Verdict(401, _NOT_PERMITTED, (challenge,))


def _covers(excluded: str, path: str) -> bool:
    if excluded.endswith("*"):
        return path.startswith(excluded[:-1])
    return path.rstrip("/") == excluded.rstrip("/")


def _is_navigation(asked: Asked) -> bool:
    """Tell a browser that goes to a page from a program: the page is sent to sign in, the program is told 401."""
    return asked.method in {b"GET", b"HEAD"} and b"text/html" in _header(asked.headers, b"accept")


def _header(headers: Headers, wanted: bytes) -> bytes:
    return next((value for name, value in headers if name.lower() == wanted), b"")
