"""Whose connection it is: an app with internal ingress answers the programs of its own environment alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def holds_connection(shims: Iterable[int], near: int, far: int) -> bool:
    """Tell whether a process below one of these has the end of a loopback connection from port `near` to port `far`.

    Blocks, a few milliseconds a process: for a thread.
    """
    for shim in shims:
        for process in _below(shim):
            try:
                ends = process.net_connections("tcp")
            except (psutil.Error, OSError):  # gone meanwhile
                continue
            if any(end.laddr.port == near and getattr(end.raddr, "port", 0) == far for end in ends):
                return True
    return False


def _below(shim: int) -> list[psutil.Process]:
    try:
        return psutil.Process(shim).children(recursive=True)
    except psutil.Error:
        return []
