"""The user's module becomes callables with typed signatures: functions, methods of classes, an ASGI application."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.runner import standin
from aca_notebook.runner.failures import CellLines, user_error
from aca_notebook.runner.signature import Signature
from aca_notebook.runner.tracing import Stages

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from aca_notebook.runner.manifest import Manifest

ASGIApp = Callable[
    ["MutableMapping[str, Any]", Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


@dataclass(frozen=True, slots=True)
class Service:
    """One thing that can be called: its path without the leading slash, and how to call it."""

    path: str
    call: Callable[..., Any]
    signature: Signature
    is_async: bool
    doc: str


@dataclass(slots=True)
class Services:
    """What a bundle serves. `entry` is the path that `/` stands for; empty when there is none."""

    by_path: dict[str, Service] = field(default_factory=dict)
    application: ASGIApp | None = None
    entry: str = ""
    pending_hooks: list[Callable[[], Any]] = field(default_factory=list)


def load(folder: Path, manifest: Manifest, stages: Stages | None = None) -> tuple[Services, CellLines]:
    """Import the user's module and make its services; `enter` hooks are left in `pending_hooks`.

    `stages` note how long that takes.

    Raises `Refused` (code `ImportFailed`, `EnterFailed`) with the cell's own lines when the user's code raises.
    """
    lines = CellLines(str(folder / "app" / f"{manifest.module}.py"), manifest.lines)
    sys.path.insert(0, str(folder / "app"))
    stages = stages or Stages()
    try:
        with stages.step("import"):
            module = importlib.import_module(manifest.module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise user_error(error, lines, code="ImportFailed") from error
    services = Services()
    for served in manifest.exports:
        value = getattr(module, served.name)
        if served.kind == "asgi":
            services.application = value
        elif served.kind == "class":
            with stages.step(f"load {served.name}"):
                _add_class(services, served.name, value, lines)
        else:
            _add(services, served.name, value)
    services.entry = entry_path(services, manifest.entry)
    return services, lines


def entry_path(services: Services, entry: str) -> str:
    """Return the path `/` stands for: the named function or method, or the class's only (or `predict`) method."""
    wanted = entry.replace(".", "/")
    if wanted in services.by_path:
        return wanted
    methods = [path for path in services.by_path if path.startswith(f"{wanted}/")]
    preferred = [path for path in methods if path.rpartition("/")[2] in {"predict", "__call__"}]
    if preferred:
        return preferred[0]
    return methods[0] if len(methods) == 1 else ""


def _add_class(services: Services, name: str, served: type, lines: CellLines) -> None:
    try:
        instance = served()
    except Exception as error:
        raise user_error(error, lines, code="EnterFailed") from error
    already_ran = standin.is_served_class(served)  # making an object ran the hooks that are not async
    for hook in standin.enter_hooks(served):
        if inspect.iscoroutinefunction(hook) or not already_ran:
            services.pending_hooks.append(hook.__get__(instance))
    for method in standin.served_methods(served):
        _add(services, f"{name}/{method}", getattr(instance, method))


def _add(services: Services, path: str, call: Callable[..., Any]) -> None:
    services.by_path[path] = Service(
        path,
        call,
        Signature(call, path.replace("/", "_")),
        inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call),
        inspect.getdoc(call) or "",
    )
