"""What a cell offers to callers: its public functions, classes and ASGI applications."""

from __future__ import annotations

import ast
import enum
import inspect
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.packaging.origins import unwrapped
from aca_notebook.runner import standin

if TYPE_CHECKING:
    from collections.abc import Mapping

ASGI_FRAMEWORKS = frozenset({"fastapi", "starlette", "quart", "litestar", "sanic", "falcon", "blacksheep", "gradio"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as its author wrote it; `kind` is Python's own word in lower case (`positional_or_keyword`)."""

    name: str
    kind: str
    required: bool
    annotation: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """Something the app serves: `kind` is function, class, method or asgi; a class has `methods`."""

    name: str
    kind: str
    parameters: tuple[Parameter, ...] = ()
    doc: str = ""
    methods: tuple[Export, ...] = ()


def exports_of(tree: ast.Module, namespace: Mapping[str, object]) -> tuple[Export, ...]:
    """Return what the cell with this tree serves, in the order it was written.

    A cell with an ASGI application serves that alone: its functions are the application's own handlers.
    """
    found: dict[str, Export] = {}
    for statement in tree.body:
        for name in _bound_by(statement):
            if not name.startswith("_") and name in namespace:
                export = _export(name, unwrapped(namespace[name]), defined=not isinstance(statement, ast.Assign))
                if export is not None:
                    found.pop(name, None)
                    found[name] = export
    applications = tuple(each for each in found.values() if each.kind == "asgi")
    return applications[-1:] or tuple(found.values())


def export_of(name: str, namespace: Mapping[str, object]) -> tuple[Export, ...]:
    """Return what the notebook itself offers under a name; nothing when that cannot be called."""
    export = _export(name, unwrapped(namespace[name]), defined=True) if name in namespace else None
    return (export,) if export is not None else ()


def entry_of(exports: tuple[Export, ...], wanted: str) -> str:
    """Return the name `/` stands for: `wanted`, or the last export. Raises `KeyError` for a name that is not served."""
    served = {each.name for each in exports} | {f"{each.name}.{m.name}" for each in exports for m in each.methods}
    if wanted and wanted not in served:
        raise KeyError(wanted)
    return wanted or exports[-1].name


def _bound_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _export(name: str, value: Any, *, defined: bool) -> Export | None:
    if isinstance(value, type):
        return _class(name, value) if defined and is_service(value) else None
    if is_asgi(value):
        return Export(name, "asgi", doc=str(getattr(value, "title", "")))
    is_lambda = getattr(value, "__name__", "") == "<lambda>"
    if callable(value) and (defined or is_lambda):
        return Export(name, "function", parameters_of(value), inspect.getdoc(value) or "")
    return None


def _class(name: str, value: type) -> Export:
    methods = tuple(
        Export(each, "method", parameters_of(inspect.getattr_static(value, each), bound=True), _doc(value, each))
        for each in standin.served_methods(value)
    )
    return Export(name, "class", (), inspect.getdoc(value) or "", methods)


def _doc(owner: type, name: str) -> str:
    return inspect.getdoc(getattr(owner, name)) or ""


def is_service(value: type) -> bool:
    """Tell whether a class is served: marked with `cls`, or plain, made without arguments and with a public method.

    Data holders (dataclasses, enums, typed dicts, named tuples, pydantic models) and exceptions are helpers.
    """
    if standin.is_served_class(value):
        return True
    helper = is_dataclass(value) or issubclass(value, enum.Enum | BaseException | tuple | dict)
    if helper or hasattr(value, "model_validate") or hasattr(value, "__struct_fields__") or inspect.isabstract(value):
        return False
    if getattr(value, "_is_protocol", False) or any(each.required for each in parameters_of(value)):
        return False
    return bool(standin.served_methods(value))


def parameters_of(function: Any, *, bound: bool = False) -> tuple[Parameter, ...]:
    """Return the parameters a caller may give; `bound` drops the first of a plain or class method."""
    static = isinstance(function, staticmethod)
    function = getattr(function, "__func__", function)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin without a signature
        return ()
    if bound and not static:
        parameters = parameters[1:]
    return tuple(
        Parameter(
            each.name,
            each.kind.name.lower(),
            each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD},
            "" if each.annotation is each.empty else inspect.formatannotation(each.annotation),
            "" if each.default is each.empty else repr(each.default)[:200],
        )
        for each in parameters
    )


def is_asgi(value: Any) -> bool:
    """Tell whether a value is an ASGI application: of a known framework, or called with scope, receive and send."""
    if any(each.__module__.partition(".")[0] in ASGI_FRAMEWORKS for each in type(value).__mro__) and callable(value):
        return True
    if isinstance(value, type) or not callable(value):
        return False
    target = value if inspect.isfunction(value) else type(value).__call__
    names = [each.name for each in parameters_of(target, bound=not inspect.isfunction(value))]
    return names == ["scope", "receive", "send"] and inspect.iscoroutinefunction(target)
