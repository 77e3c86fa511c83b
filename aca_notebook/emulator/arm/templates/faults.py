"""What is wrong with a template, and where in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.templates.jsonc import Path


class TemplateFault(Exception):
    """A template that cannot be deployed; `path` leads to the part of it that says why."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
