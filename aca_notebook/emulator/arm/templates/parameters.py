"""The parameters and variables of a template: declared, given, checked, settled (documented: template parameters)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import kind, member
from aca_notebook.emulator.arm.templates.faults import TemplateFault
from aca_notebook.emulator.arm.templates.syntax import ExpressionError, is_expression, parse
from aca_notebook.emulator.arm.templates.values import resolved, rounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.emulator.arm.templates.jsonc import Path
    from aca_notebook.emulator.arm.templates.scopes import Scope, UserFunctions

Document = dict[str, Any]
#: Types as they are declared, and as they are answered (recorded: azure-cli's test_group_deployment).
TYPES = {
    "array": "Array", "bool": "Bool", "int": "Int", "object": "Object", "secureobject": "SecureObject",
    "securestring": "SecureString", "string": "String",
}  # fmt: skip
#: What a value of a type is called in JSON.
VALUES = {
    "array": "Array", "bool": "Boolean", "int": "Integer", "object": "Object", "secureobject": "Object",
    "securestring": "String", "string": "String",
}  # fmt: skip
_HELP = "Please see https://aka.ms/arm-create-parameter-file for usage details."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter with its value; `type` is as Azure answers it."""

    type: str
    value: Any = field(repr=False)

    @property
    def secret(self) -> bool:
        """Whether nobody may see its value."""
        return self.type.startswith("Secure")

    def shown(self) -> Document:
        """Return it as a deployment shows it."""
        return {"type": self.type} if self.secret else {"type": self.type, "value": self.value}


def settled_parameters(
    template: Document, given: Document, scope: Scope, position: str = "", path: Path = ("parameters",)
) -> dict[str, Parameter]:
    """Return every declared parameter with its value, given or by default.

    Raises `TemplateFault` for what is missing, not declared, or not as it is declared.
    """
    declared = members(template, "parameters")
    names = {name.lower(): name for name in declared}
    unknown = [name for name in given if name.lower() not in names]
    if unknown:
        raise TemplateFault(
            f"The template parameters '{', '.join(unknown)}' in the parameters file are not valid; they are not "
            "present in the original template and can therefore not be provided at deployment time. The only supported "
            f"parameters for this template are '{', '.join(declared)}'. Please see "
            "https://aka.ms/arm-pass-parameter-values for usage details.",
            path,
        )
    values = {names[name.lower()]: _given(name, each) for name, each in given.items()}
    settling = _Settling(template, values, scope, position)
    return {name: Parameter(TYPES[settling.type(name)], settling[name]) for name in declared}


def _given(name: str, given: Any) -> Any:
    if isinstance(given, dict) and "value" in given:
        return given["value"]
    raise TemplateFault(
        f"The value of deployment parameter '{name}' is null. Please specify the value or use the parameter reference. "
        "See https://aka.ms/arm-parameter-file for details."
    )


class _Settling(Mapping[str, Any]):
    """Parameters whose defaults ask for one another: each is settled when it is first asked for."""

    def __init__(self, template: Document, given: Document, scope: Scope, position: str) -> None:
        self._template = template
        self._declared = members(template, "parameters")
        self._given = given
        self._scope = replace(scope, parameters=self, variables=None, runtime=False)
        self._position = position
        self._settled: Document = {}
        self._settling: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def type(self, name: str) -> str:
        """Return the type in lower case."""
        return str(self.declaration(name)["type"]).lower()

    def declaration(self, name: str) -> Document:
        """Return a declaration with what it refers to in `definitions`. Raises `TemplateFault`."""
        found = _dereferenced(self._template, self._declared[name], name)
        if str(found.get("type", "")).lower() not in TYPES:
            raise TemplateFault(
                f"The template parameter '{name}' is not valid: its type '{found.get('type', '')}' is not one of "
                f"'{', '.join(TYPES.values())}'.", ("parameters", name),
            )  # fmt: skip
        return found

    def __getitem__(self, name: str) -> Any:
        if name not in self._settled:
            if name in self._settling:
                raise TemplateFault(f"The template parameter '{name}' depends on itself.", ("parameters", name))
            self._settling.add(name)
            self._settled[name] = self._value(name)
        return self._settled[name]

    def _value(self, name: str) -> Any:
        declaration, path = self.declaration(name), ("parameters", name)
        nullable = declaration.get("nullable") is True
        if name in self._given and (self._given[name] is not None or nullable):
            value = self._given[name]
        elif "defaultValue" in declaration:
            try:
                value = resolved(declaration["defaultValue"], self._scope)
            except ExpressionError as wrong:
                raise TemplateFault(f"The template parameter '{name}' is not valid: {wrong}.", path) from wrong
        elif nullable:
            return None
        else:
            raise TemplateFault(
                f"The value for the template parameter '{name}'{self._position} is not provided. {_HELP}", path
            )
        if value is not None or not nullable:
            _check(name, value, declaration, path)
        return value


def _dereferenced(template: Document, declaration: Any, name: str, depth: int = 0) -> Document:
    found = declaration if isinstance(declaration, dict) else {}
    reference = found.get("$ref")
    if not isinstance(reference, str):
        return found
    target = members(template, "definitions").get(reference.rpartition("/")[2])
    if not reference.startswith("#/definitions/") or target is None or depth > len(members(template, "definitions")):
        raise TemplateFault(f"The template parameter '{name}' refers to '{reference}', which cannot be found.")
    return _dereferenced(template, target, name, depth + 1) | {
        key: value for key, value in found.items() if key != "$ref"
    }


def _check(name: str, value: Any, declaration: Document, path: Path) -> None:
    wanted = VALUES[str(declaration["type"]).lower()]
    if kind(value) != wanted:
        raise TemplateFault(
            f"Template parameter JToken type is not valid. Expected '{wanted}'. Actual '{kind(value)}'. {_HELP}", path
        )
    allowed = declaration.get("allowedValues")
    chosen = value if isinstance(value, list) else [value]
    if isinstance(allowed, list) and value not in allowed and not all(each in allowed for each in chosen):
        raise TemplateFault(
            f"The provided value for the template parameter '{name}' is not valid. The value "
            f"'{_told(declaration, value)}' is not part of the allowed value(s): "
            f"'{','.join(str(each) for each in allowed)}'.",
            path,
        )
    for bound, measured, sign, words in (
        ("minValue", value, 1, "The value must be greater than or equal to"),
        ("maxValue", value, -1, "The value must be less than or equal to"),
        ("minLength", _length(value), 1, "Length of the value should be greater than or equal to"),
        ("maxLength", _length(value), -1, "Length of the value should be less than or equal to"),
    ):
        limit = declaration.get(bound)
        if isinstance(limit, int) and isinstance(measured, int) and (measured - limit) * sign < 0:
            raise TemplateFault(
                f"The provided value for the template parameter '{name}' is not valid. {words} '{limit}'.", path
            )


def _told(declaration: Document, value: Any) -> str:
    return "***" if str(declaration["type"]).lower().startswith("secure") else str(value)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (str, list)) else None


class TemplateVariables:
    """The variables of a template, each evaluated when it is first asked for."""

    def __init__(self, template: Document, scope: Scope) -> None:
        self._declared = {name: each for name, each in members(template, "variables").items() if name != "copy"}
        loops = members(template, "variables").get("copy")
        self._loops = {str(each.get("name")): each for each in loops or () if isinstance(each, dict)}
        self._scope = replace(scope, variables=self, runtime=False)
        self._values: Document = {}
        self._asked: set[str] = set()

    def variable(self, name: str) -> Any:
        """Return the value of one. Raises `ExpressionError`."""
        known = {each.lower(): each for each in (*self._declared, *self._loops)}
        declared = known.get(name.lower())
        if declared is None:
            raise ExpressionError(f"The template variable '{name}' is not found")
        if declared not in self._values:
            if declared in self._asked:
                raise ExpressionError(f"The template variable '{name}' depends on itself")
            self._asked.add(declared)
            self._values[declared] = self._evaluated(declared)
        return self._values[declared]

    def check(self) -> None:
        """Evaluate all. Raises `TemplateFault`."""
        for name in (*self._declared, *self._loops):
            try:
                self.variable(name)
            except ExpressionError as wrong:
                raise TemplateFault(
                    f"The template variable '{name}' is not valid: {wrong}. Please see "
                    "https://aka.ms/arm-functions for usage details.",
                    ("variables", name),
                ) from wrong

    def _evaluated(self, name: str) -> Any:
        if name in self._declared:
            return resolved(self._declared[name], self._scope)
        loop = self._loops[name]
        return [resolved(loop.get("input"), self._scope.at(name, index)) for index in range(rounds(loop, self._scope))]


def user_functions(template: Document) -> UserFunctions:
    """Return the template's own functions by their full name in lower case."""
    found: dict[str, tuple[Sequence[str], Any]] = {}
    spaces = template.get("functions")
    for space in spaces if isinstance(spaces, list) else ():
        for name, each in (space.get("members") or {}).items():
            names = [str(parameter.get("name")) for parameter in each.get("parameters") or ()]
            value = (each.get("output") or {}).get("value")
            body = parse(value[1:-1]) if isinstance(value, str) and is_expression(value) else value
            found[f"{space.get('namespace', '')}.{name}".lower()] = (names, body)
    return found


def members(template: Document, name: str) -> Document:
    """Return a section of a template that is an object, empty where there is none. Raises `TemplateFault`."""
    _, section = member(template, name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise TemplateFault(f"The template's '{name}' must be an object, not of type '{kind(section)}'.", (name,))
    return section
