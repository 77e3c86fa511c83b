"""What a form needs to call a deployed function: its fields, by the annotations of the function that stayed here."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from aca_notebook.api.function import Function
from aca_notebook.model.call_form import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.model.call_form import Field


def forms(names: Sequence[str], handles: Mapping[str, object]) -> dict[str, tuple[Field, ...]]:
    """Return the fields of each function or method (`Class/method`) that has a handle here and a signature."""
    found = {}
    for name in names:
        first, _, method = name.partition("/")
        handle = handles.get(first)
        handle = getattr(handle, method, None) if method else handle
        if isinstance(handle, Function) and handle.signature is not None:
            found[name] = fields_of(_read(handle, handle.signature))
    return found


def _read(function: Function, signature: inspect.Signature) -> inspect.Signature:
    """Its signature with annotations that are text (`from __future__ import annotations`) read, if they can be."""
    try:
        meant = inspect.get_annotations(function.local, eval_str=True)
    except Exception:  # noqa: BLE001  # a name that is not there any more, or anything else that evaluating raises
        return signature
    return signature.replace(
        parameters=[
            each.replace(annotation=meant.get(name, each.annotation)) for name, each in signature.parameters.items()
        ]
    )
