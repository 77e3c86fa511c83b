"""What stands in the notebook for a function or class that was deployed: the same thing, and its remote twin."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from aca_notebook.api.twin import blocking

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.app import App
    from aca_notebook.api.loop import PrivateLoop


class Function:
    """`score(9.0)` runs here, as before; `score.remote(9.0)` runs in the app; `score.local` is the plain function."""

    def __init__(self, app: App, path: str, local: Callable[..., Any]) -> None:
        functools.update_wrapper(self, local)
        self.app = app
        self.path = path
        self.local = local
        self.__aca_local__ = local
        self._signature = _signature(local)

    @property
    def signature(self) -> inspect.Signature | None:
        """What it takes; None for what Python cannot say it of."""
        return self._signature

    @property
    def _loop(self) -> PrivateLoop:
        return self.app.loop

    @blocking
    async def remote(self, *arguments: Any, **named: Any) -> Any:
        """Run it in the app. Raises what it raised there, or an error of the tree."""
        return await self.app.endpoint.call(self.path, arguments, named, self._signature)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Run it here."""
        return self.local(*arguments, **named)

    def __repr__(self) -> str:
        return f"<Function {self.path}{self._signature or '(…)'} of app {self.app.name!r}: .remote(…) runs there>"


class DeployedClass:
    """`Model().predict(x)` runs here, as before; `Model.predict.remote(x)` runs in the app."""

    def __init__(self, app: App, name: str, local: type) -> None:
        functools.update_wrapper(self, local, updated=())
        self.app = app
        self.local = local
        self.__aca_local__ = local
        self._name = name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Run it here."""
        return self.local(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.__dict__["local"], name)  # AttributeError names the class, as it should
        if name.startswith("_") or not callable(member):
            return member
        return Method(self.app, f"{self._name}/{name}", member)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.local)})

    def __repr__(self) -> str:
        return f"<Class {self._name} of app {self.app.name!r}: {self._name}.method.remote(…) runs there>"


class Method(Function):
    """A method of a deployed class: the app has one object a replica, so `self` is not among the arguments."""

    def __init__(self, app: App, path: str, local: Callable[..., Any]) -> None:
        super().__init__(app, path, local)
        if self._signature is not None and not inspect.ismethod(local):
            _, *rest = self._signature.parameters.values()
            self._signature = self._signature.replace(parameters=rest)


def handle(app: App, name: str, kind: str, local: object) -> object:
    """Return what to put in the notebook for an export; an ASGI application stays what it is."""
    local = getattr(local, "__aca_local__", local)
    if kind == "class" and isinstance(local, type):
        return DeployedClass(app, name, local)
    if kind == "function" and callable(local):
        return Function(app, name, local)
    return local


def _signature(local: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(local)
    except (TypeError, ValueError):
        return None
