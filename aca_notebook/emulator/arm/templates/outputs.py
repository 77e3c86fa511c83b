"""The outputs of a template (documented: template outputs)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import kind
from aca_notebook.emulator.arm.templates.parameters import TYPES, VALUES, members
from aca_notebook.emulator.arm.templates.syntax import ExpressionError
from aca_notebook.emulator.arm.templates.values import resolved, rounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.arm.templates.scopes import Lookup, Scope

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """An output with its value; `type` is as Azure answers it."""

    type: str
    value: Any = field(repr=False)

    @property
    def secret(self) -> bool:
        """Whether nobody may see its value."""
        return self.type.startswith("Secure")

    def shown(self) -> Document:
        """Return it as a deployment shows it."""
        return {"type": self.type} if self.secret else {"type": self.type, "value": self.value}


def wanted_outputs(template: Document) -> Document:
    """Return the declarations by name."""
    return {name: each for name, each in members(template, "outputs").items() if isinstance(each, dict)}


def output_of(declared: Document, scope: Scope, known: Mapping[Lookup, Any]) -> Output | None:
    """Return an output, None for one whose condition does not hold.

    Raises `Unresolved` for what must be looked up first, `ExpressionError` for what has no value or another type.
    """
    scope = replace(scope, known=known)
    if resolved(declared.get("condition", True), scope) is not True:
        return None
    wanted = str(declared.get("type", "")).lower()
    loop = declared.get("copy")
    if isinstance(loop, dict):
        value: Any = [resolved(loop.get("input"), scope.at("", at)) for at in range(rounds(loop, scope))]
    else:
        value = resolved(declared.get("value"), scope)
    if wanted not in TYPES:
        return Output(kind(value), value)  # a type of the template's own
    if kind(value) != VALUES[wanted] and not (value is None and declared.get("nullable")):
        raise ExpressionError(
            f"Template output JToken type is not valid. Expected '{VALUES[wanted]}'. Actual '{kind(value)}'"
        )
    return Output(TYPES[wanted], value)
