"""Sign-in of a person by a code shown on one screen and entered on another (RFC 8628; SDK: DeviceCodeCredential).

Whoever can read this emulator's control token is the person here: nobody else may approve a code. What has been
approved is signed in as the emulator's own client, whose roles are the person's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.clock import Clock

#: How long a code is good for, and how often to ask whether it was approved. Azure says 900 and 5 (documented); who
#: asks this machine need not be kept waiting.
LIFETIME_SECONDS = 900
INTERVAL_SECONDS = 1
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: The public clients that Microsoft's tools sign people in with: `az`, and every library of azure-identity (SDK).
PUBLIC_CLIENTS = frozenset({"04b07795-8ddb-461a-bbee-02f9e1bf7b46"})
#: Without letters that are taken for digits.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LENGTH = 9
_MOST = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun: `device_code` is the program's secret, `user_code` what the person enters."""

    client_id: str
    device_code: str
    user_code: str
    expires_at: float
    approved: bool = False


class DeviceCodes:
    """The sign-ins under way: kept in memory, for none outlives a quarter of an hour, and at most a hundred."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: dict[str, Begun] = {}

    def begin(self, client_id: str) -> Begun:
        """Begin one; the oldest make room."""
        now = self._clock.now().timestamp()
        self._begun = {code: each for code, each in self._begun.items() if each.expires_at > now}
        while len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        begun = Begun(client_id, secrets.token_urlsafe(32), user_code, now + LIFETIME_SECONDS)
        self._begun[begun.device_code] = begun
        return begun

    def approve(self, user_code: str) -> bool:
        """Sign the person in who has a code on the screen; False for one that is none, or no longer."""
        wanted, now = user_code.strip().upper(), self._clock.now().timestamp()
        for code, each in self._begun.items():
            if secrets.compare_digest(each.user_code, wanted) and each.expires_at > now:
                self._begun[code] = replace(each, approved=True)
                return True
        return False

    def redeem(self, device_code: str, client_id: str) -> Begun | str:
        """Return what was approved, once; or Entra's word for why there is no token (documented; RFC 8628 §3.5)."""
        begun = self._begun.get(device_code)
        if begun is None or begun.client_id != client_id:
            return "bad_verification_code"
        if begun.expires_at <= self._clock.now().timestamp():
            return "expired_token"
        if not begun.approved:
            return "authorization_pending"
        del self._begun[device_code]
        return begun
