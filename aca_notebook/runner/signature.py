"""A function's parameters: from JSON, arrays and frames to the arguments of a call, by its annotations."""

from __future__ import annotations

import inspect
import typing
from typing import Annotated, Any

import msgspec

from aca_notebook.runner import tables
from aca_notebook.runner.failures import Refused

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Arguments = tuple[list[Any], dict[str, Any]]
"""Positional arguments and keyword arguments of a call."""

_LEFT_OUT: Any = type("LeftOut", (), {"__repr__": lambda _: "left out"})()


class Signature:
    """What a function takes and gives back.

    `parameters` maps a name to its type as the annotation says it (`Any` without one); `required` holds those without
    a default; `name` is what the description calls it. A parameter whose annotation nobody can read takes any JSON.
    """

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        name = name or function.__name__
        self._signature = inspect.signature(function)
        hints = readable_hints(function)
        self.parameters: dict[str, Any] = {}
        self.required: list[str] = []
        self._extra = ""
        for each, parameter in self._signature.parameters.items():
            hint = decodable(hints.get(each, Any))
            if parameter.kind is parameter.VAR_KEYWORD:
                self._extra = each
                continue
            variadic = parameter.kind is parameter.VAR_POSITIONAL
            self.parameters[each] = list[hint] if variadic else hint  # type: ignore[valid-type]  # made at run time
            if parameter.default is parameter.empty and not variadic:
                self.required.append(each)
        self.returns: Any = decodable(hints.get("return", Any))
        self.struct = msgspec.defstruct(
            f"{name}_parameters",
            [(n, t) if n in self.required else (n, t, _LEFT_OUT) for n, t in self.parameters.items()],
            forbid_unknown_fields=not self._extra,
            kw_only=True,
        )
        self.described = self._describe(name)
        self._decoder = msgspec.json.Decoder(self.struct, dec_hook=convert)
        self._by_keyword = all(
            each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY} for each in self._signature.parameters.values()
        )

    def _describe(self, name: str) -> type[msgspec.Struct]:
        """Make the same struct for the description: real defaults where JSON has a word for them."""
        fields: list[Any] = []
        for each, hint in self.parameters.items():
            default = self._signature.parameters[each].default
            if each in self.required:
                fields.append((each, hint))
            elif isinstance(default, str | int | float | bool | None):
                fields.append((each, hint, default))
            else:
                fields.append((each, hint, msgspec.field(default_factory=object)))
        return msgspec.defstruct(f"{name}_parameters", fields, kw_only=True, forbid_unknown_fields=not self._extra)

    def spelled(self) -> str:
        """Write the parameters as their author did: `x: float, n: int = 2`."""
        parts = []
        for name, hint in self.parameters.items():
            parameter = self._signature.parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                parts.append(f"*{name}: {spell(typing.get_args(hint)[0])}")
                continue
            given = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
            parts.append(f"{name}: {spell(hint)}{given if len(given) < 40 else ' = …'}")
        return ", ".join(parts + [f"**{self._extra}"] * bool(self._extra))

    def from_json(self, body: bytes) -> Arguments:
        """Read a JSON object of parameters. Raises `Refused` (422) that names the parameter and its type."""
        try:
            read = self._decoder.decode(body or b"{}")
            extra = self._extra_of(body) if self._extra else {}
        except (msgspec.DecodeError, ValueError, TypeError) as wrong:
            raise self._invalid(str(wrong)) from None
        values = {name: value for name in self.parameters if (value := getattr(read, name)) is not _LEFT_OUT}
        return ([], values) if self._by_keyword else self._bind({**values, **extra})

    def from_parts(self, parts: Mapping[str, tuple[str, bytes]]) -> Arguments:
        """Read parameters that came one by one: name → (content type, body). Raises `Refused` (422)."""
        values: dict[str, Any] = {}
        for name, (content_type, body) in parts.items():
            if name not in self.parameters and not self._extra:
                raise self._invalid(f"Object contains unknown field `{name}`")
            try:
                values[name] = self._read_part(self.parameters.get(name, Any), content_type, body)
            except (msgspec.DecodeError, ValueError, TypeError, ImportError) as wrong:
                raise self._invalid(f"{wrong} - at `$.{name}`") from None
        for name in self.required:
            if name not in values:
                raise self._invalid(f"Object missing required field `{name}`")
        return self._bind(values)

    def first_parameter(self) -> str:
        """Return the parameter that a lone array or frame goes to. Raises `Refused` when there is none."""
        for name in self.parameters:
            return name
        raise self._invalid("this function takes no parameters")

    def _read_part(self, hint: Any, content_type: str, body: bytes) -> Any:
        if content_type == tables.NPY:
            array = tables.read_array(body)
            if hint is Any:
                return array
            return convert(hint, array) if is_array_hint(hint) else msgspec.convert(array.tolist(), hint)
        if content_type == tables.ARROW:
            return tables.read_frame(body, wanted_frame(hint))
        return msgspec.json.decode(body, type=hint, dec_hook=convert)

    def _extra_of(self, body: bytes) -> dict[str, Any]:
        """Return what `**more` gets: names nobody declared, and those inside an object called `more` itself."""
        extra = {k: v for k, v in msgspec.json.decode(body or b"{}").items() if k not in self.parameters}
        together = extra.pop(self._extra, {})
        return {**together, **extra} if isinstance(together, dict) else {**extra, self._extra: together}

    def _bind(self, values: dict[str, Any]) -> Arguments:
        positional: list[Any] = []
        keywords = dict(values)
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is parameter.POSITIONAL_ONLY and name in keywords:
                positional.append(keywords.pop(name))
            elif parameter.kind is parameter.VAR_POSITIONAL and name in keywords:
                before = [n for n, p in self._signature.parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
                positional += [keywords.pop(n) for n in before if n in keywords]
                positional += keywords.pop(name)
        return positional, keywords

    def _invalid(self, message: str) -> Refused:
        name = ""
        where = message.rpartition(" - at `$.")[2] if " - at `$." in message else ""
        if where:
            name = where.rstrip("`").partition("[")[0].partition(".")[0]
        elif "field `" in message:
            name = message.partition("field `")[2].partition("`")[0]
        fields: dict[str, Any] = {}
        if name in self.parameters:
            fields = {"parameter": name, "expected": spell(self.parameters[name])}
            detail = (
                "it is missing"
                if "missing required field" in message and not where
                else _lower(message.partition(" - at ")[0])
            )
            message = f"parameter `{name}` ({fields['expected']}): {detail}"
        elif name:
            message = f"there is no parameter `{name}`"
        return Refused(422, "InvalidArguments", message, hint=f"it takes ({self.spelled()})", **fields)


def readable_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations that can be evaluated; one that cannot is left out, the others stay."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001  # an annotation may run any code of the user's and raise anything
        found = {}
        for name, annotation in getattr(function, "__annotations__", {}).items():
            lone = type("Lone", (), {"__annotations__": {name: annotation}, "__module__": function.__module__})
            try:
                found.update(typing.get_type_hints(lone, include_extras=True))
            except Exception:  # noqa: BLE001, S112  # as above: this parameter takes any JSON
                continue
        return found


def decodable(hint: Any) -> Any:
    """Return the annotation, or `Any` where JSON cannot be read into it (a union of an array and a list, say)."""
    if hint is None:
        return None
    try:
        msgspec.json.Decoder(hint, dec_hook=convert)
    except (TypeError, ValueError, RecursionError, NameError, AttributeError):
        return Any
    return hint


def convert(hint: Any, value: Any) -> Any:
    """Make a value of a class JSON does not know: arrays, frames, pydantic models. Serves as msgspec's `dec_hook`.

    Raises `ValueError` or `TypeError` when the value does not fit.
    """
    hint = unaliased(hint)
    kind = typing.get_origin(hint) or hint
    root = getattr(kind, "__module__", "").partition(".")[0]
    if root == "numpy" and kind.__name__ == "ndarray":
        import numpy as np  # the user's annotation names it

        return np.asarray(value, dtype=dtype_of(hint))
    if root == "numpy" and issubclass(kind, sys_numpy().generic):
        return kind(value)
    if wanted_frame(hint):
        return read_rows(kind, value)
    if callable(validate := getattr(kind, "model_validate", None)):
        return validate(value)
    if isinstance(value, kind):
        return value
    raise TypeError(f"JSON cannot be read into {spell(hint)}")


def read_rows(kind: Any, value: Any) -> Any:
    """Make a frame from a list of rows or from an object of columns."""
    if kind.__module__.startswith("pyarrow"):
        return kind.from_pylist(value) if isinstance(value, list) else kind.from_pydict(value)
    return kind(value)


def dtype_of(hint: Any) -> Any:
    """Return the dtype in `NDArray[np.float32]`, or None for a bare `ndarray`."""
    for argument in typing.get_args(hint):
        if getattr(typing.get_origin(argument), "__name__", "") == "dtype":
            (scalar,) = typing.get_args(argument)
            return scalar if isinstance(scalar, type) and scalar is not Any else None
    return None


def sys_numpy() -> Any:
    """Return numpy, which the user's annotation has already imported."""
    import numpy as np  # as above

    return np


def is_array_hint(hint: Any) -> bool:
    """Tell whether an annotation names an array."""
    hint = unaliased(hint)
    return getattr(typing.get_origin(hint) or hint, "__name__", "") == "ndarray"


def unaliased(hint: Any) -> Any:
    """Return what a type alias stands for (`type Rows = list[float]`; numpy's `NDArray` is one on newer Pythons)."""
    origin = typing.get_origin(hint) or hint
    if type(origin).__name__ != "TypeAliasType":
        return hint
    arguments = typing.get_args(hint)
    return unaliased(origin.__value__[arguments] if arguments else origin.__value__)


def wanted_frame(hint: Any) -> str:
    """Return the kind of frame an annotation asks for, or an empty string."""
    for each in (unaliased(hint), *typing.get_args(hint)):
        kind = typing.get_origin(each) or each
        root, name = getattr(kind, "__module__", "").partition(".")[0], getattr(kind, "__name__", "")
        found = {
            ("pandas", "DataFrame"): "dataframe",
            ("pandas", "Series"): "series",
            ("pyarrow", "Table"): "table",
            ("polars", "DataFrame"): "polars",
        }.get((root, name))
        if found:
            return found
    return ""


def spell(hint: Any) -> str:
    """Write an annotation as its author would."""
    if hint is Any:
        return "any"
    if typing.get_origin(hint) is Annotated:
        return spell(typing.get_args(hint)[0])
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("NoneType", "None")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
