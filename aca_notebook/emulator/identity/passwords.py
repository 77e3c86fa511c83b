"""Passwords that people paste into command lines."""

from __future__ import annotations

import secrets
import string


def new_password(size: int = 32) -> str:
    """Return one of `size` random bytes and a letter, which comes first: `-p -x…` would be read as an option."""
    return secrets.choice(string.ascii_letters) + secrets.token_urlsafe(size)
