"""Folders that only some machines have: absent they skip, unless `REQUIRE_ALL` says that everything must run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.page import Page


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


@pytest.fixture
def page() -> Iterator[Page]:
    """A notebook page; the emulator it starts in this test's home ends with it."""
    from IPython.core.interactiveshell import InteractiveShell

    from aca_notebook import launcher, settings
    from tests.contract.page import Page

    InteractiveShell.clear_instance()
    opened = Page()
    try:
        yield opened
    finally:
        opened.close()
        InteractiveShell.clear_instance()
        launcher.stop_emulator(launcher.data_dir(settings.home()))
