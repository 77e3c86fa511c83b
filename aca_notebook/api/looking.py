"""Workspaces for somebody who only looks: nothing is started and nobody signs in unless a person says so."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook import launcher, settings
from aca_notebook.api.targets import TARGETS, resolve_target
from aca_notebook.api.workspace import Workspace
from aca_notebook.errors import AcaError, UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _emulator_runs(home: Path) -> bool:
    try:
        return launcher.find_emulator(launcher.data_dir(home)) is not None
    except AcaError:  # it runs and cannot be spoken to: a person who connects is told why
        return False


#: Targets that come and go on this machine, and how to find out; any other is there, and wants to know who asks.
_RUNS: dict[str, Callable[[Path], bool]] = {"local": _emulator_runs}


class Places:
    """The targets, each to be looked at."""

    def names(self) -> tuple[str, ...]:
        """Every target's name."""
        return tuple(TARGETS)

    def chosen(self) -> str:
        """The one that the settings name. Raises `UsageFailed` for settings that make no sense."""
        try:
            file = settings.read_file(settings.home() / "settings.toml")
            return settings.resolve({}, os.environ, {}, file).target
        except ValueError as bad:
            raise UsageFailed(str(bad), code="UnknownSetting", hint="see `%aca target --help`") from bad

    def open_to(self, name: str, *, before: bool) -> bool:
        """Whether it can be looked at without starting anything, and without signing in for the first time."""
        runs = _RUNS.get(name)
        return before if runs is None else runs(settings.home())

    def open(self, name: str) -> Workspace:
        """Return a workspace there. Once it has gone it is not brought back by looking. Raises as `connect` does."""
        return Workspace(replace(resolve_target(name), ensure=None))
