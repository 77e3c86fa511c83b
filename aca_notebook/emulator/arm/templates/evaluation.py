"""What an expression has for a value: its functions, its parameters and variables, and what must be looked up first.

Evaluation does no I/O. What only the running deployment knows (`reference`, `list…`) raises `Unresolved` with the
look-up to make; who evaluates makes it, puts the answer into `known`, and evaluates again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates import lambdas
from aca_notebook.emulator.arm.templates.arguments import Mismatch, check_count, kind, number, text, truth
from aca_notebook.emulator.arm.templates.collection_functions import COLLECTION_FUNCTIONS, reach
from aca_notebook.emulator.arm.templates.number_functions import NUMBER_FUNCTIONS, format_date
from aca_notebook.emulator.arm.templates.place import PLACE_FUNCTIONS
from aca_notebook.emulator.arm.templates.scopes import Lookup, Moment, Scope, Unresolved
from aca_notebook.emulator.arm.templates.syntax import Access, Call, ExpressionError, Literal, Node
from aca_notebook.emulator.arm.templates.text_functions import TEXT_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = TEXT_FUNCTIONS | COLLECTION_FUNCTIONS | NUMBER_FUNCTIONS


def evaluate(node: Node, scope: Scope) -> Any:
    """Return an expression's value.

    Raises `Unresolved` or `ExpressionError`.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Access):
        return _accessed(evaluate(node.target, scope), evaluate(node.key, scope))
    return _called(node, scope)


def fold(node: Node, scope: Scope) -> Node:
    """Return an expression with every part that has a value now as that value."""
    try:
        return Literal(evaluate(node, replace(scope, folding=True)))
    except Unresolved:
        return _folded_parts(node, scope)


def _folded_parts(node: Node, scope: Scope) -> Node:
    if isinstance(node, Literal):
        return node
    if isinstance(node, Access):
        return Access(fold(node.target, scope), fold(node.key, scope))
    name, arguments = node.name.lower(), node.arguments
    if name == "lambda":
        return Call(node.name, (*arguments[:-1], fold(arguments[-1], scope)))
    if name == "if" and len(arguments) == 3:
        condition = fold(arguments[0], scope)
        if isinstance(condition, Literal):
            return fold(arguments[1 if condition.value else 2], scope)
    return Call(node.name, tuple(fold(each, scope) for each in arguments))


def _accessed(target: Any, key: Any) -> Any:
    found, value = reach(target, key)
    if found:
        return value
    if isinstance(target, dict) and isinstance(key, str):
        names = ", ".join(target)
        raise ExpressionError(
            f"The language expression property '{key}' doesn't exist, available properties are '{names}'"
        )
    if isinstance(target, list) and isinstance(key, int):
        raise ExpressionError(f"The language expression property array index '{key}' is out of bounds")
    raise ExpressionError(
        f"The language expression property '{key}' can't be evaluated, property name must be a string or an integer "
        f"of what is an object or an array, not of '{kind(target)}'"
    )


def _called(node: Call, scope: Scope) -> Any:
    scope.budget.spend()
    try:
        return _form(node.name.lower())(node, scope)
    except Mismatch as wrong:
        raise ExpressionError(f"Unable to evaluate template language function '{node.name}': {wrong}") from wrong


def _form(name: str) -> Callable[[Call, Scope], Any]:
    """Return how a call of this name, in lower case, is evaluated."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    if "." in name:
        return _user_function
    if name in PLACE_FUNCTIONS:
        return _placed
    return _listed if name.startswith("list") and name != "list" else _plain


def _plain(node: Call, scope: Scope) -> Any:
    function = FUNCTIONS.get(node.name.lower())
    if function is None:
        raise ExpressionError(f"The template function '{node.name}' is not valid")
    return function(node.name, [evaluate(each, scope) for each in node.arguments])


def _placed(node: Call, scope: Scope) -> Any:
    least, most, answer = PLACE_FUNCTIONS[node.name.lower()]
    check_count(node.name, len(node.arguments), least, most)
    return answer(scope.place, [evaluate(each, scope) for each in node.arguments])


def _if(node: Call, scope: Scope) -> Any:
    check_count(node.name, len(node.arguments), 3, 3)
    return evaluate(node.arguments[1 if truth(evaluate(node.arguments[0], scope)) else 2], scope)


def _and(node: Call, scope: Scope) -> bool:
    check_count(node.name, len(node.arguments), 2, 10_000)
    return all(truth(evaluate(each, scope)) for each in node.arguments)


def _or(node: Call, scope: Scope) -> bool:
    check_count(node.name, len(node.arguments), 2, 10_000)
    return any(truth(evaluate(each, scope)) for each in node.arguments)


def _coalesce(node: Call, scope: Scope) -> Any:
    check_count(node.name, len(node.arguments), 1, 10_000)
    for each in node.arguments:
        value = evaluate(each, scope)
        if value is not None:
            return value
    return None


def _parameter(node: Call, scope: Scope) -> Any:
    name = text(_only(node, scope))
    folded = name.lower()
    for each in scope.parameters:
        if each.lower() == folded:
            return scope.parameters[each]
    raise ExpressionError(f"The template parameter '{name}' is not found")


def _variable(node: Call, scope: Scope) -> Any:
    name = text(_only(node, scope))
    if scope.variables is None:
        raise ExpressionError(f"The template variable '{name}' is not found")
    return scope.variables.variable(name)


def _copy_index(node: Call, scope: Scope) -> int:
    check_count(node.name, len(node.arguments), 0, 2)
    arguments = [evaluate(each, scope) for each in node.arguments]
    loop = text(arguments.pop(0)).lower() if arguments and isinstance(arguments[0], str) else ""
    if loop not in scope.indexes:
        if scope.folding:
            raise Unresolved
        raise ExpressionError(
            f"The template function '{node.name}' is not expected at this location. The function can only be used in a "
            "resource, a property, a variable or an output with copy specified"
        )
    return scope.indexes[loop] + (number(arguments[0]) if arguments else 0)


def _now(node: Call, scope: Scope) -> str:
    check_count(node.name, len(node.arguments), 0, 1)
    moment = _moment(node, scope)
    pattern = text(evaluate(node.arguments[0], scope)) if node.arguments else "yyyyMMddTHHmmssZ"
    return format_date(moment.now, pattern)


def _new_guid(node: Call, scope: Scope) -> str:
    check_count(node.name, len(node.arguments), 0, 0)
    return _moment(node, scope).draw()


def _moment(node: Call, scope: Scope) -> Moment:
    if scope.moment is None:
        raise ExpressionError(
            f"The template function '{node.name}' is not expected at this location: it may stand in a parameter's "
            "default value only"
        )
    return scope.moment


def _reference(node: Call, scope: Scope) -> Any:
    _check_runtime(node, scope)
    check_count(node.name, len(node.arguments), 1, 3)
    wanted, *rest = [evaluate(each, scope) for each in node.arguments]
    id_, version = _resource(scope, text(wanted), text(rest[0]) if rest else "")
    full = len(rest) > 1 and text(rest[1]).lower() == "full"
    return _answer(scope, Lookup("reference", id_, version, full))


def _references(node: Call, scope: Scope) -> Any:
    _check_runtime(node, scope)
    check_count(node.name, len(node.arguments), 1, 2)
    loop, *rest = [text(evaluate(each, scope)) for each in node.arguments]
    found = scope.resources.find_all(loop) if scope.resources else None
    if found is None:
        raise ExpressionError(f"The template has no resource collection '{loop}'")
    full = bool(rest) and rest[0].lower() == "full"
    return [_answer(scope, Lookup("reference", id_, version, full)) for id_, version in found]


def _resource_info(node: Call, scope: Scope) -> dict[str, Any]:
    name = text(_only(node, scope))
    id_, version = _resource(scope, name, "")
    return {"id": id_, "name": id_.rpartition("/")[2], "apiVersion": version}


def _listed(node: Call, scope: Scope) -> Any:
    _check_runtime(node, scope)
    check_count(node.name, len(node.arguments), 1, 3)
    wanted, *rest = [evaluate(each, scope) for each in node.arguments]
    id_, version = _resource(scope, text(wanted), text(rest[0]) if rest else "")
    body = TEXT_FUNCTIONS["string"]("string", [rest[1]]) if len(rest) > 1 else ""
    return _answer(scope, Lookup(node.name, id_, version, full=True, body=body))


def _check_runtime(node: Call, scope: Scope) -> None:
    if not scope.runtime:
        raise ExpressionError(f"The template function '{node.name}' is not expected at this location")


def _resource(scope: Scope, wanted: str, version: str) -> tuple[str, str]:
    found = scope.resources.find(wanted) if scope.resources else None
    if found is not None:
        return found[0], version or found[1]
    if scope.folding and not (wanted.startswith("/") and version):
        raise Unresolved  # a template inside may have it
    if not wanted.startswith("/"):
        raise ExpressionError(f"The resource '{wanted}' is not defined in the template")
    if not version:
        raise ExpressionError(f"The resource reference '{wanted}' requires an API version")
    return wanted, version


def _answer(scope: Scope, lookup: Lookup) -> Any:
    if lookup not in scope.known:
        raise Unresolved(lookup)
    return scope.known[lookup]


def _user_function(node: Call, scope: Scope) -> Any:
    found = scope.functions.get(node.name.lower())
    if found is None:
        raise ExpressionError(f"The template function '{node.name}' is not valid")
    names, body = found
    check_count(node.name, len(node.arguments), len(names), len(names))
    values = [evaluate(each, scope) for each in node.arguments]
    inner = Scope(scope.place, dict(zip(names, values, strict=True)), functions=scope.functions, budget=scope.budget)
    return evaluate(body, inner) if isinstance(body, (Call, Access, Literal)) else body


def _bound(node: Call, scope: Scope) -> Any:
    name = text(_only(node, scope))
    if name not in scope.bound:
        if scope.folding:
            raise Unresolved
        raise ExpressionError(f"The lambda variable '{name}' is not found")
    return scope.bound[name]


def _lambda(node: Call, scope: Scope) -> Any:
    if scope.folding:
        raise Unresolved
    raise ExpressionError(f"The template function '{node.name}' is not expected at this location")


def _over(node: Call, scope: Scope) -> Any:
    """A function that calls a lambda for each item: the lambda's body is evaluated with its variables bound."""

    def closure(given: Node) -> lambdas.Closure:
        if not isinstance(given, Call) or given.name.lower() != "lambda" or not given.arguments:
            raise Mismatch("a lambda was expected")
        names = [text(evaluate(each, scope)) for each in given.arguments[:-1]]

        def run(*values: Any) -> Any:
            if len(values) < len(names):
                raise Mismatch("the lambda has too many variables")
            bound = dict(zip(names, values, strict=False))
            return evaluate(given.arguments[-1], replace(scope, bound={**scope.bound, **bound}))

        return run

    least, most, do = lambdas.FUNCTIONS[node.name.lower()]
    check_count(node.name, len(node.arguments), least, most)
    plain = [
        each if isinstance(each, Call) and each.name.lower() == "lambda" else Literal(evaluate(each, scope))
        for each in node.arguments
    ]
    return do([each.value if isinstance(each, Literal) else closure(each) for each in plain])


def _only(node: Call, scope: Scope) -> Any:
    check_count(node.name, len(node.arguments), 1, 1)
    return evaluate(node.arguments[0], scope)


def _fail(node: Call, scope: Scope) -> Any:
    raise ExpressionError(text(_only(node, scope)))


_SPECIAL: dict[str, Callable[[Call, Scope], Any]] = {
    "and": _and,
    "coalesce": _coalesce,
    "copyindex": _copy_index,
    "fail": _fail,
    "if": _if,
    "lambda": _lambda,
    "lambdavariables": _bound,
    "newguid": _new_guid,
    "or": _or,
    "parameters": _parameter,
    "reference": _reference,
    "references": _references,
    "resourceinfo": _resource_info,
    "utcnow": _now,
    "variables": _variable,
    **dict.fromkeys(lambdas.FUNCTIONS, _over),
}
