"""Folders that only some machines have: absent they skip, unless `REQUIRE_ALL` says that everything must run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def folder_named_by(variable: str) -> Path | None:
    """The folder that an environment variable names; None when it is not set or not there."""
    named = os.environ.get(variable, "")
    return Path(named) if named and Path(named).is_dir() else None


def require_folder(variable: str) -> Path:
    """That folder; skips the test without it, and fails it where everything must run."""
    folder = folder_named_by(variable)
    if folder is None:
        reason = f"{variable} names no folder on this machine"
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
