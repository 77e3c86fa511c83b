"""Lets requests wait for a change of where they may go: the first one while its replica starts."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Watched(Generic[Value]):
    """A value that can be awaited to change: take `change`, look at `value`, then wait, and nothing is missed."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self.change = asyncio.Event()

    def put(self, value: Value) -> None:
        """Replace the value and wake all who wait."""
        changed, self.value, self.change = self.change, value, asyncio.Event()
        changed.set()
