"""The lines that dragging an app into a notebook inserts."""

from __future__ import annotations

import json
import keyword
import re
from typing import TYPE_CHECKING

from aca_notebook.model.app import EVERY_PATH

if TYPE_CHECKING:
    from aca_notebook.model.app import AppState


def calling_code(state: AppState, target: str) -> str:
    """Return Python that calls the app's entry with its example; no key stands in it, and running it is up to you."""
    name = variable(state.name)
    found = f"from aca_notebook import connect\n\n{name} = connect({target!r}).apps[{state.name!r}]"
    if state.functions == (EVERY_PATH,) or not state.functions:  # its routes are its own
        return f"{found}\nprint({name}.curl())"
    return f"{found}\n{name}.invoke({_arguments(state.tags.example)})"


def variable(app: str) -> str:
    """Return a Python name for an app's."""
    made = re.sub(r"\W", "_", app)
    return f"{made}_" if keyword.iskeyword(made) else made


def _arguments(example: str) -> str:
    """Return keyword arguments from a JSON object; nothing for what is none."""
    try:
        values = json.loads(example)
    except ValueError:
        return ""
    if not isinstance(values, dict):
        return ""
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in values):
        return ", ".join(f"{key}={value!r}" for key, value in values.items())
    return f"**{values!r}"
