"""Functions on lists and objects, and on both and texts (documented: template functions, array and object)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import (
    ANY_NUMBER,
    MOST_ITEMS,
    Function,
    Mismatch,
    items,
    kind,
    member,
    members,
    number,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal: a boolean is no number, and letters count in their case."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return bool(left == right)


def _length(arguments: Sequence[Any]) -> int:
    value = arguments[0]
    if not isinstance(value, (str, list, dict)):
        raise Mismatch(f"a value of type '{kind(value)}' has no length")
    return len(value)


def _empty(arguments: Sequence[Any]) -> bool:
    value = arguments[0]
    return value is None or _length([value]) == 0


def _contains(arguments: Sequence[Any]) -> bool:
    whole, part = arguments
    if isinstance(whole, str):
        return text(part) in whole
    if isinstance(whole, dict):
        return member(whole, text(part))[0]
    return any(same(each, part) for each in items(whole))


def _first(arguments: Sequence[Any]) -> Any:
    whole = arguments[0]
    if isinstance(whole, str):
        return whole[:1]
    return items(whole)[0] if items(whole) else None


def _last(arguments: Sequence[Any]) -> Any:
    whole = arguments[0]
    if isinstance(whole, str):
        return whole[-1:]
    return items(whole)[-1] if items(whole) else None


def _index_of(arguments: Sequence[Any]) -> int:
    whole, part = arguments
    if isinstance(whole, str):
        return whole.lower().find(text(part).lower())
    return next((at for at, each in enumerate(items(whole)) if same(each, part)), -1)


def _last_index_of(arguments: Sequence[Any]) -> int:
    whole, part = arguments
    if isinstance(whole, str):
        return whole.lower().rfind(text(part).lower())
    found = [at for at, each in enumerate(items(whole)) if same(each, part)]
    return found[-1] if found else -1


def _skip(arguments: Sequence[Any]) -> Any:
    return _sliceable(arguments[0])[max(0, number(arguments[1])) :]


def _take(arguments: Sequence[Any]) -> Any:
    return _sliceable(arguments[0])[: max(0, number(arguments[1]))]


def _sliceable(value: Any) -> Any:
    return value if isinstance(value, str) else items(value)


def _create_object(arguments: Sequence[Any]) -> dict[str, Any]:
    if len(arguments) % 2:
        raise Mismatch("it needs a value for every name")
    return {text(arguments[at]): arguments[at + 1] for at in range(0, len(arguments), 2)}


def _union(arguments: Sequence[Any]) -> Any:
    if isinstance(arguments[0], dict):
        merged: dict[str, Any] = {}
        for each in arguments:
            merged = _merged(merged, members(each))
        return merged
    found: list[Any] = []
    for each in (one for argument in arguments for one in items(argument)):
        if not any(same(each, other) for other in found):
            found.append(each)
    return found


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Objects in both are merged too; of anything else the later wins, where it is not null."""
    merged = dict(under)
    for name, value in over.items():
        key = next((known for known in merged if known.lower() == name.lower()), name)
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(before, value)
        else:
            merged[key] = value
    return merged


def _intersection(arguments: Sequence[Any]) -> Any:
    if isinstance(arguments[0], dict):
        others = [members(each) for each in arguments[1:]]
        return {
            name: value
            for name, value in arguments[0].items()
            if all(name in other and same(other[name], value) for other in others)
        }
    return [
        each
        for each in items(arguments[0])
        if all(any(same(each, one) for one in items(other)) for other in arguments[1:])
    ]


def _range(arguments: Sequence[Any]) -> list[int]:
    start, count = number(arguments[0]), number(arguments[1])
    if not 0 <= count <= MOST_ITEMS:
        raise Mismatch(f"the count must be between 0 and {MOST_ITEMS}")
    return list(range(start, start + count))


def _flatten(arguments: Sequence[Any]) -> list[Any]:
    return [inner for each in items(arguments[0]) for inner in items(each)]


def _items(arguments: Sequence[Any]) -> list[dict[str, Any]]:
    found = members(arguments[0])
    return [{"key": key, "value": found[key]} for key in sorted(found, key=str.lower)]


def _shallow_merge(arguments: Sequence[Any]) -> dict[str, Any]:
    return {name: value for each in items(arguments[0]) for name, value in members(each).items()}


def _extreme(pick: Any) -> Any:
    def do(arguments: Sequence[Any]) -> int:
        given = arguments[0] if isinstance(arguments[0], list) else arguments
        if not given:
            raise Mismatch("it needs at least one number")
        return int(pick(number(each) for each in given))

    return do


def reach(target: Any, key: Any) -> tuple[bool, Any]:
    """Return whether a value has a property or an item, and it."""
    if isinstance(target, dict) and isinstance(key, str):
        return member(target, key)
    if isinstance(target, list) and isinstance(key, int) and not isinstance(key, bool):
        return (True, target[key]) if 0 <= key < len(target) else (False, None)
    return False, None


def _try_get(arguments: Sequence[Any]) -> Any:
    value = arguments[0]
    for key in arguments[1:]:
        found, value = reach(value, key)
        if not found:
            return None
    return value


def _from_end(arguments: Sequence[Any]) -> Any:
    return reach(items(arguments[0]), len(items(arguments[0])) - number(arguments[1]))[1]


def _array(arguments: Sequence[Any]) -> list[Any]:
    return arguments[0] if isinstance(arguments[0], list) else [arguments[0]]


COLLECTION_FUNCTIONS = {
    "array": Function(1, 1, _array),
    "contains": Function(2, 2, _contains),
    "createarray": Function(0, ANY_NUMBER, list),
    "createobject": Function(0, ANY_NUMBER, _create_object),
    "empty": Function(1, 1, _empty),
    "equals": Function(2, 2, lambda a: same(a[0], a[1])),
    "first": Function(1, 1, _first),
    "flatten": Function(1, 1, _flatten),
    "indexof": Function(2, 2, _index_of),
    "intersection": Function(2, ANY_NUMBER, _intersection),
    "items": Function(1, 1, _items),
    "last": Function(1, 1, _last),
    "lastindexof": Function(2, 2, _last_index_of),
    "length": Function(1, 1, _length),
    "max": Function(1, ANY_NUMBER, _extreme(max)),
    "min": Function(1, ANY_NUMBER, _extreme(min)),
    "objectkeys": Function(1, 1, lambda a: sorted(members(a[0]), key=str.lower)),
    "range": Function(2, 2, _range),
    "shallowmerge": Function(1, 1, _shallow_merge),
    "skip": Function(2, 2, _skip),
    "take": Function(2, 2, _take),
    "tryget": Function(2, ANY_NUMBER, _try_get),
    "tryindexfromend": Function(2, 2, _from_end),
    "indexfromend": Function(2, 2, _from_end),
    "union": Function(2, ANY_NUMBER, _union),
}
