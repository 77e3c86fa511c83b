"""Access tokens: JSON Web Tokens signed with this emulator's own key."""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aca_notebook.emulator.faults.answers import expired
from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.settings import write_private
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import Seam, ShortToken

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes

LIFETIME_SECONDS = 3600
#: A client shows the same token with each request; reading one takes a quarter of the time of a short answer.
_REMEMBERED = 256


class Issuer:
    """Signs tokens and reads them back; `subject` is the caller's object id."""

    def __init__(
        self, key: rsa.RSAPrivateKey, tenant_id: str, clock: Clock, faults: Strikes | None = None
    ) -> None:  # fmt: skip
        self._faults = faults or NoFaults()
        self._key = key
        self._public = key.public_key()
        self._clock = clock
        self.tenant_id = tenant_id
        numbers = self._public.public_numbers()
        self._modulus, self._exponent = _base64url(numbers.n), _base64url(numbers.e)
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()  # claims of tokens whose signature was ours
        self._key_id = hashlib.sha256(self._modulus.encode()).hexdigest()[:20]

    @property
    def lifetime_seconds(self) -> int:
        """How long a new token lasts."""
        short = self._faults.standing(Subject("/"), ShortToken) if self._faults.at(Seam.TOKEN) else None
        return LIFETIME_SECONDS if short is None else short.seconds

    def issue(
        self, audience: str, *, subject: str, lifetime_seconds: int | None = None,
        claims: Mapping[str, Any] | None = None, kind: str = "app", issuer: str = "",
    ) -> str:  # fmt: skip
        """Return a signed token; `claims` may not override the standard ones. Without a lifetime it has the usual.

        `kind` is `app` or `user`; `issuer` stands in an id token, whose reader looks where it comes from.
        """
        now = int(self._clock.now().timestamp())
        body = dict(claims or {}) | {
            "aud": audience,
            "iss": issuer or f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + (self.lifetime_seconds if lifetime_seconds is None else lifetime_seconds),
            "sub": subject,
            "oid": subject,
            "tid": self.tenant_id,
            "idtyp": kind,
            "ver": "1.0",
        }
        return jwt.encode(body, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def verify(self, token: str, audiences: Collection[str]) -> dict[str, Any]:
        """Return the claims of a token of ours that is for one of `audiences` (slashes at the end do not count).

        Raises `AzureError` 401 when it is none, has expired, or is for another audience.
        """
        try:
            claims = self._read(token)
        except jwt.InvalidTokenError as unreadable:
            raise unauthorized("InvalidAuthenticationToken", "The access token is invalid.") from unreadable
        if claims["exp"] <= self._clock.now().timestamp():
            raise expired(datetime.fromtimestamp(claims["exp"], UTC), self._clock.now())
        if str(claims["aud"]).rstrip("/").lower() not in {each.rstrip("/").lower() for each in audiences}:
            raise unauthorized(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences {', '.join(sorted(audiences))}.",
            )
        return claims

    def audience_of(self, token: str) -> str:
        """Return what a token of ours is for, for a refusal that names it; of a stranger's, nothing."""
        try:
            return str(self._read(token)["aud"])
        except jwt.InvalidTokenError:
            return ""

    def _read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that we signed; its times are read by this emulator's clock, not here."""
        found = self._known.get(token)
        if found is not None:
            self._known.move_to_end(token)
            return dict(found)
        claims: dict[str, Any] = jwt.decode(
            token,
            self._public,
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        self._known[token] = claims
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return dict(claims)

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._key_id, "n": self._modulus, "e": self._exponent,
        }  # fmt: skip
        return {"keys": [key]}


def load_signing_key(path: Path) -> rsa.RSAPrivateKey:
    """Return the key kept in `path`; makes one the first time (a quarter of a second), and where it is damaged.

    With another key the tokens handed out so far open nothing any more.
    """
    if not path.exists() or _read_key(path) is None:
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, pem)
    key = _read_key(path)
    if key is None:
        raise TypeError(f"{path} holds a key this emulator did not make; remove the file")
    return key


def _read_key(path: Path) -> rsa.RSAPrivateKey | None:
    try:
        # We made it, in a folder that is its owner's alone: trying its primes again takes 36 ms of each start.
        key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    except ValueError:
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def unauthorized(code: str, message: str) -> AzureError:
    """A 401 with the challenge Azure sends along."""
    return AzureError(401, code, message, headers={"WWW-Authenticate": f'Bearer error="invalid_token", code="{code}"'})


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
