"""What an app's ingress asks of a request: values read once from the app's document and its sign-in's."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: What is done without the platform's sign-in; the first is what Azure does unless told (unconfirmed).
REDIRECT, ANONYMOUS, UNAUTHORIZED, FORBIDDEN = "redirecttologinpage", "allowanonymous", "return401", "return403"
_API_PREFIX = "/.auth"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Lets the clients of a network in, or keeps them out."""

    network: Network
    allow: bool


@dataclass(frozen=True, slots=True)
class Cors:
    """What pages of other origins may do; the texts are as they stand in headers."""

    origins: frozenset[str]
    methods: str = ""
    headers: str = ""
    exposed: str = ""
    max_age: str = ""
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is done with a request of nobody that is signed in, which here is every request; paths in lower case."""

    action: str = REDIRECT
    provider: str = ""
    excluded: tuple[str, ...] = ()
    prefix: str = _API_PREFIX


@dataclass(frozen=True, slots=True)
class IngressRules:
    """All of it. What is as it stands here is asked of nobody."""

    internal: bool = False  #: only programs of the environment may come
    allow_insecure: bool = True
    addresses: tuple[AddressRule, ...] = ()
    cors: Cors | None = None
    sign_in: SignIn | None = None


def read_rules(ingress: Mapping[str, Any], sign_in: Mapping[str, Any] | None) -> IngressRules:
    """Read an app's `configuration.ingress` and the properties of its authConfig `current`, if it has one.

    Raises `ValueError` for an address range that is none, which validation should have refused.
    """
    is_tcp = str(ingress.get("transport")).lower() == "tcp"
    return IngressRules(
        internal=not ingress.get("external"),
        # Inside an environment http is good enough, as it is on Azure for calls by an app's name; TCP has no other.
        allow_insecure=bool(ingress.get("allowInsecure")) or not ingress.get("external") or is_tcp,
        addresses=tuple(_address_rule(each) for each in ingress.get("ipSecurityRestrictions") or ()),
        cors=_cors(ingress.get("corsPolicy") or {}),
        sign_in=_sign_in(sign_in or {}),
    )


def read_network(text: str) -> Network:
    """Read an address or a range in CIDR notation. Raises `ValueError`."""
    return ipaddress.ip_network(text.strip(), strict=False)


def _address_rule(entry: Mapping[str, Any]) -> AddressRule:
    return AddressRule(read_network(str(entry["ipAddressRange"])), str(entry.get("action")).lower() == "allow")


def _cors(policy: Mapping[str, Any]) -> Cors | None:
    origins = frozenset(str(each).strip().lower() for each in policy.get("allowedOrigins") or ())
    if not origins:
        return None
    age = policy.get("maxAge")
    return Cors(
        origins, _listed(policy, "allowedMethods"), _listed(policy, "allowedHeaders"), _listed(policy, "exposeHeaders"),
        "" if age is None else str(age), bool(policy.get("allowCredentials")),
    )  # fmt: skip


def _sign_in(properties: Mapping[str, Any]) -> SignIn | None:
    if not (properties.get("platform") or {}).get("enabled"):
        return None
    validation = properties.get("globalValidation") or {}
    providers = properties.get("identityProviders") or {}
    routes = (properties.get("httpSettings") or {}).get("routes") or {}
    named = str(validation.get("redirectToProvider") or next(iter(providers), ""))
    return SignIn(
        action=str(validation.get("unauthenticatedClientAction") or REDIRECT).lower(),
        provider="aad" if named.lower() == "azureactivedirectory" else named.lower(),
        excluded=tuple(str(each).lower() for each in validation.get("excludedPaths") or ()),
        prefix=str(routes.get("apiPrefix") or _API_PREFIX).rstrip("/").lower(),
    )


def _listed(policy: Mapping[str, Any], name: str) -> str:
    """Return a list as one header's text; what would end the header or begin another goes."""
    return ",".join("".join(filter(str.isprintable, str(each))).strip() for each in policy.get(name) or ())
