"""`cls`, `enter` and `method`: marks on the user's own classes, the same in the notebook and in the container."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)
F = TypeVar("F", bound="Callable[..., Any]")


def cls(decorated: C) -> C:
    """Serve this class: one object a replica, made by `Class()`, its `enter` hooks run before the first call.

    The class stays what it was. In the notebook, too, making an object runs the hooks that are not `async`, so that
    `Model().predict(x)` is the same everywhere.
    """
    original: Callable[..., None] = decorated.__init__  # type: ignore[misc]  # the class's own, not an instance's

    @functools.wraps(original)
    def initialise_then_enter(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if type(self) is decorated:  # a subclass of ours enters once, at the end of its own
            for hook in enter_hooks(decorated):
                if not inspect.iscoroutinefunction(hook):
                    hook(self)

    decorated.__init__ = initialise_then_enter  # type: ignore[misc]  # marking the user's class is the purpose
    decorated.__aca_cls__ = True  # type: ignore[attr-defined]  # the mark itself
    return decorated


def enter(hook: F) -> F:
    """Run this method once a replica, before the first call: the place to load a model."""
    hook.__aca_enter__ = True  # type: ignore[attr-defined]  # the mark itself
    return hook


def method(served: F) -> F:
    """Serve this method. When a class marks any, the others are not served."""
    served.__aca_method__ = True  # type: ignore[attr-defined]  # the mark itself
    return served


def enter_hooks(decorated: type) -> list[Callable[..., Any]]:
    """Return the `enter` hooks of a class, base classes first, in the order they were written."""
    hooks: dict[str, Callable[..., Any]] = {}
    for each in reversed(decorated.__mro__):
        hooks.update({name: value for name, value in vars(each).items() if getattr(value, "__aca_enter__", False)})
    return [getattr(decorated, name) for name in hooks]


def served_methods(decorated: type) -> list[str]:
    """Return the methods a class serves: those marked with `method`, or else all public ones that are no hooks."""
    public = [
        name
        for each in reversed(decorated.__mro__)
        if each is not object
        for name, value in vars(each).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, staticmethod | classmethod))
        and not getattr(value, "__aca_enter__", False)
    ]
    public = list(dict.fromkeys(public))
    marked = [name for name in public if getattr(getattr(decorated, name), "__aca_method__", False)]
    return marked or public


def is_served_class(value: object) -> bool:
    """Tell whether `value` is a class marked with `cls`."""
    return isinstance(value, type) and bool(vars(value).get("__aca_cls__", False))
