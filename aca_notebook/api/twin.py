"""One method, two colours: written once as a coroutine, called plainly or awaited through `.aio`."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from aca_notebook.api.replies import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aca_notebook.api.loop import PrivateLoop

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="HasLoop")


class HasLoop(Protocol):
    """What an object needs to offer blocking methods."""

    @property
    def _loop(self) -> PrivateLoop: ...


class Twin(Generic[P, R]):
    """A bound method: `app.invoke(9.0)` blocks, `await app.invoke.aio(9.0)` does not."""

    def __init__(self, work: Callable[P, Coroutine[Any, Any, R]], loop: PrivateLoop) -> None:
        self._work = work
        self._private = loop
        functools.update_wrapper(self, work)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Do it and wait."""
        try:
            return self._private.run(self._work(*arguments, **named))
        except Exception as error:
            if is_remote(error):
                raise error.with_traceback(None) from None  # how it came here is nothing to its reader
            raise

    async def aio(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Do it and await it, from any event loop."""
        return await self._private.wait(self._work(*arguments, **named))

    def __repr__(self) -> str:
        return f"<{self._work.__qualname__}{inspect.signature(self._work)}; await it with .aio(…)>"


class blocking(Generic[S, P, R]):  # noqa: N801  # a decorator
    """Offer a coroutine method in both colours."""

    def __init__(self, method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__
        self.__wrapped__ = method

    @overload
    def __get__(self, instance: None, owner: type) -> blocking[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type) -> Twin[P, R]: ...
    def __get__(self, instance: S | None, owner: type) -> Twin[P, R] | blocking[S, P, R]:
        """Bind to an object."""
        if instance is None:
            return self
        return Twin(self._method.__get__(instance, owner), instance._loop)  # noqa: SLF001  # the protocol above
