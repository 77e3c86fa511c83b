"""What the names in an expression mean, and what it waits for when they mean nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.templates.syntax import ExpressionError

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.emulator.arm.templates.place import Place


@dataclass(frozen=True, slots=True)
class Lookup:
    """Something to ask of the platform: `function` is `reference` or the `list…` in question."""

    function: str
    id: str
    api_version: str
    full: bool = False
    body: str = ""


class Unresolved(Exception):
    """An expression that has no value yet; `lookup` is what it waits for, None for a name that is bound later."""

    def __init__(self, lookup: Lookup | None = None) -> None:
        super().__init__(lookup)
        self.lookup = lookup


@dataclass(frozen=True, slots=True)
class Moment:
    """What parameters' defaults may ask for, and nothing else may."""

    now: datetime
    draw: Callable[[], str]


class Variables(Protocol):
    """The template's variables."""

    def variable(self, name: str) -> Any:
        """Return the value of one. Raises `ExpressionError`."""
        ...


class Named(Protocol):
    """The template's resources, as expressions name them."""

    def find(self, name: str) -> tuple[str, str] | None:
        """Return the id and the API version of a resource by its symbolic name, its name or its id."""
        ...

    def find_all(self, name: str) -> Sequence[tuple[str, str]] | None:
        """Return those of a copy loop by its name."""
        ...


#: The template's own functions by namespace and name in lower case: names of their parameters, and the expression.
UserFunctions = Mapping[str, tuple[Sequence[str], Any]]


class Budget:
    """How much may still be evaluated: a template must not keep the emulator busy for long."""

    def __init__(self, calls: int = 100_000) -> None:
        self._left = calls

    def spend(self) -> None:
        """Count one call. Raises `ExpressionError` when there were too many."""
        self._left -= 1
        if self._left < 0:
            raise ExpressionError("The template evaluates too many functions for this emulator")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names in an expression mean; `runtime` is whether `reference` and `list…` may stand in it."""

    place: Place
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: Variables | None = None
    resources: Named | None = None
    functions: UserFunctions = field(default_factory=dict)
    indexes: Mapping[str, int] = field(default_factory=dict)
    bound: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[Lookup, Any] = field(default_factory=dict)
    moment: Moment | None = None
    runtime: bool = True
    folding: bool = False
    budget: Budget = field(default_factory=Budget, compare=False)

    def at(self, loop: str, index: int) -> Scope:
        """Return the scope inside a round of a copy loop."""
        return replace(self, indexes={**self.indexes, "": index, loop.lower(): index})
