"""What a template deploys: its resources with their ids, loops unrolled, and which waits for which. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import Mismatch, kind
from aca_notebook.emulator.arm.templates.evaluation import evaluate
from aca_notebook.emulator.arm.templates.faults import TemplateFault
from aca_notebook.emulator.arm.templates.parameters import TemplateVariables, user_functions
from aca_notebook.emulator.arm.templates.place import typed_id
from aca_notebook.emulator.arm.templates.scopes import Scope, Unresolved
from aca_notebook.emulator.arm.templates.syntax import Access, Call, ExpressionError, Node, is_expression, parse
from aca_notebook.emulator.arm.templates.values import MOST_ROUNDS, folded, resolved, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aca_notebook.emulator.arm.templates.jsonc import Path, Source

Document = dict[str, Any]
DEPLOYMENTS = "Microsoft.Resources/deployments"
_GROUPS = "microsoft.resources/resourcegroups"
_MOST_RESOURCES = 800
#: Members of a template's resource that are not the resource's own.
_DIRECTIONS = frozenset({
    "apiversion", "asserts", "comments", "condition", "copy", "dependson", "existing", "import", "metadata", "name",
    "options", "resourcegroup", "resources", "scope", "subscriptionid", "type",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template, a round of a loop among them.

    `symbol` is what the template calls it (`apps[1]`), empty in templates without symbolic names; `needs` are the ids,
    in lower case, of those that must be there first.
    """

    id: str
    type: str
    name: str
    api_version: str
    symbol: str
    existing: bool
    wanted: bool  #: whether its condition holds
    declared: Document = field(repr=False)
    scope: Scope = field(repr=False)
    path: Path
    needs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The id in lower case."""
        return self.id.lower()

    @property
    def is_deployment(self) -> bool:
        """Whether it deploys a template of its own."""
        return self.type.lower() == DEPLOYMENTS.lower()

    def body(self, known: Mapping[Any, Any]) -> Document:
        """Return what to write.

        Raises `Unresolved` for what must be looked up first, `ExpressionError` for what has no value.
        """
        return self.body_with(resolved, known)

    def body_with(self, settle: Callable[[Any, Scope], Any], known: Mapping[Any, Any]) -> Document:
        """Return what to write, its expressions settled in another way."""
        return _body(self, replace(self.scope, known=known), settle)


@dataclass(frozen=True, slots=True)
class Plan:
    """A template's resources in the order of their dependencies, and the scope of its outputs."""

    resources: tuple[Resource, ...]
    scope: Scope = field(repr=False)

    @property
    def deployed(self) -> tuple[Resource, ...]:
        """Those that are written; the others are there already."""
        return tuple(each for each in self.resources if not each.existing)


def make_plan(source: Source, template: Document, scope: Scope, path: Path = ()) -> Plan:
    """Return the plan of a template; `path` leads to it in its source, and `scope` has its parameters.

    Raises `TemplateFault`.
    """
    try:
        scope = replace(scope, functions=user_functions(template))
    except ExpressionError as wrong:
        raise TemplateFault(f"A function of the template is not valid: {wrong}.", (*path, "functions")) from wrong
    variables = TemplateVariables(template, scope)
    variables.check()
    names = _Names()
    scope = replace(scope, variables=variables, resources=names)
    found = list(_Expansion(source, scope, names).all(template.get("resources"), (*path, "resources")))
    _check_unique(source, found)
    made = {each.key for each in found if each.wanted and not each.existing}
    wanted = [each for each in found if each.wanted and not (each.existing and each.key in made)]
    there = {each.key for each in wanted}
    linked = [replace(each, needs=_needs(source, each, names) & there) for each in wanted]
    return Plan(tuple(_ordered(linked)), scope)


class _Names:
    """The resources by whatever an expression may call them."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Resource]] = {}
        self._loops: dict[str, list[Resource]] = {}

    def add(self, resource: Resource, loops: Sequence[str]) -> None:
        for name in {resource.symbol, resource.id, resource.name, f"{resource.type}/{resource.name}"} - {""}:
            self._by_name.setdefault(name.lower(), []).append(resource)
        for loop in loops:
            self._loops[loop].append(resource)

    def open(self, loop: str, symbol: str) -> list[str]:
        """Begin a loop; one without rounds is one too. It goes by its own name and by its resource's."""
        names = [name.lower() for name in {loop, symbol} - {""}]
        for name in names:
            self._loops[name] = []
        return names

    def find(self, name: str) -> tuple[str, str] | None:
        found = self._by_name.get(name.lower().rstrip("/"))
        return (found[0].id, found[0].api_version) if found else None

    def find_all(self, name: str) -> Sequence[tuple[str, str]] | None:
        found = self._loops.get(name.lower())
        return None if found is None else [(each.id, each.api_version) for each in found]

    def keys(self, name: str) -> list[str] | None:
        """Return the keys of what a name stands for: one resource, or all rounds of a loop."""
        folded_name = name.lower().rstrip("/")
        found = self._by_name.get(folded_name) or self._loops.get(folded_name)
        return None if found is None else [each.key for each in found]

    def before(self, loop: str, index: int, size: int) -> list[str]:
        """Return the keys of the batch of rounds before the one that a round is in."""
        start = index // size * size
        rounds_ = self._loops.get(loop.lower(), [])
        return [each.key for each in rounds_[max(0, start - size) : start]]


class _Expansion:
    """Unrolls the resources of one template."""

    def __init__(self, source: Source, scope: Scope, names: _Names) -> None:
        self._source = source
        self._scope = scope
        self._names = names
        self._count = 0

    def all(self, resources: Any, path: Path, parent: Resource | None = None) -> Iterator[Resource]:
        if resources is None:
            return
        if isinstance(resources, dict):
            pairs: list[tuple[str | int, Any]] = list(resources.items())
        elif isinstance(resources, list):
            pairs = list(enumerate(resources))
        else:
            raise TemplateFault("The template's 'resources' must be an array or an object.", path)
        for key, declared in pairs:
            if not isinstance(declared, dict):
                raise TemplateFault("A resource of the template must be an object.", (*path, key))
            symbol = key if isinstance(key, str) else ""
            yield from self._one(declared, symbol, (*path, key), parent)

    def _one(
        self, declared: Document, symbol: str, path: Path, parent: Resource | None
    ) -> Iterator[Resource]:  # fmt: skip
        loop = declared.get("copy")
        if not isinstance(loop, dict):
            yield from self._round(declared, symbol, path, parent, self._scope, ())
            return
        name = str(loop.get("name") or symbol)
        count = self._checked(lambda: rounds({"name": name, **loop}, self._scope, MOST_ROUNDS), declared, path)
        loops = self._names.open(name, symbol)
        for index in range(count):
            inside = self._scope.at(name, index)
            yield from self._round(declared, f"{symbol}[{index}]" if symbol else "", path, parent, inside, loops)

    def _round(
        self, declared: Document, symbol: str, path: Path, parent: Resource | None, scope: Scope, loops: Sequence[str]
    ) -> Iterator[Resource]:  # fmt: skip
        made = self._checked(lambda: self._made(declared, symbol, path, parent, scope), declared, path)
        self._count += 1
        if self._count > _MOST_RESOURCES:
            raise TemplateFault(f"The template has more than {_MOST_RESOURCES} resources.", path)
        self._names.add(made, loops)
        yield made
        children = _Expansion(self._source, scope, self._names)
        yield from children.all(declared.get("resources"), (*path, "resources"), made)

    def _made(
        self, declared: Document, symbol: str, path: Path, parent: Resource | None, scope: Scope
    ) -> Resource:  # fmt: skip
        fixed = replace(scope, runtime=False)
        condition = resolved(declared.get("condition", True), fixed)
        if not isinstance(condition, bool):
            raise ExpressionError(f"The condition must be a boolean, not of type '{kind(condition)}'")
        condition = condition and (parent is None or parent.wanted)
        type_, name = (self._text(declared, member, fixed) for member in ("type", "name"))
        version = self._text(declared, "apiVersion", fixed)
        if parent is not None and not type_.lower().startswith(f"{parent.type.lower()}/"):
            type_, name = f"{parent.type}/{type_}", f"{parent.name}/{name}"
        self._check_segments(type_, name, path)
        id_ = _id(declared, type_, name, fixed)
        existing = resolved(declared.get("existing", False), fixed) is True
        return Resource(id_, type_, name, version, symbol, existing, condition, declared, scope, path)

    def _text(self, declared: Document, member: str, scope: Scope) -> str:
        value = resolved(declared.get(member), scope)
        if not isinstance(value, str) or not value:
            raise ExpressionError(f"The property '{member}' is required and must be a string")
        return value

    def _check_segments(self, type_: str, name: str, path: Path) -> None:
        if type_.count("/") != name.count("/") + 1:
            line, column = self._source.position(path)
            raise TemplateFault(
                f"The template resource '{name}' for type '{type_}' at line '{line}' and column '{column}' has "
                "incorrect segment lengths. A nested resource type must have identical number of segments as its "
                "resource name. A root resource type must have segment length one greater than its resource name. "
                "Please see https://aka.ms/arm-syntax-resources for usage details.",
                path,
            )

    def _checked(self, make: Any, declared: Document, path: Path) -> Any:
        """Run, and say of which resource it is when an expression has no value."""
        try:
            return make()
        except (ExpressionError, Mismatch) as wrong:
            raise resource_fault(self._source, declared.get("name"), path, wrong) from wrong


def resource_fault(source: Source, name: Any, path: Path, wrong: Exception) -> TemplateFault:
    """Return the refusal of a resource whose expression has no value."""
    line, column = source.position(path)
    return TemplateFault(
        f"The template resource '{name}' at line '{line}' and column '{column}' is not valid: {wrong}. Please see "
        "https://aka.ms/arm-functions for usage details.",
        path,
    )


def _id(declared: Document, type_: str, name: str, scope: Scope) -> str:
    """Return the id: in the deployment's own scope, in the group or subscription it names, or on what it extends."""
    prefix = scope.place.scope
    subscription, group = declared.get("subscriptionId"), declared.get("resourceGroup")
    if subscription or group:
        prefix = f"/subscriptions/{resolved(subscription, scope)}" if subscription else scope.place.subscription["id"]
        prefix += f"/resourceGroups/{resolved(group, scope)}" if group else ""
    extended = resolved(declared.get("scope"), scope)
    if extended is not None:
        if not isinstance(extended, str):
            raise ExpressionError("The scope must be a string")
        prefix = extended.rstrip("/") if extended.startswith("/") else f"{prefix}/providers/{extended}"
    if type_.lower() == _GROUPS:
        return f"{scope.place.subscription['id']}/resourceGroups/{name}"
    return typed_id(str(prefix), [type_, *name.split("/")], what="resourceid")


def _body(resource: Resource, scope: Scope, settle: Callable[[Any, Scope], Any]) -> Document:
    body = {name: each for name, each in resource.declared.items() if name.lower() not in _DIRECTIONS}
    if not resource.is_deployment:
        return dict(settle(body, scope))
    properties = dict(body.pop("properties", None) or {})
    template = properties.pop("template", None)
    found: Document = settle(body, scope) | {"properties": settle(properties, scope)}
    if template is not None:
        inner = str((properties.get("expressionEvaluationOptions") or {}).get("scope", "outer")).lower() == "inner"
        found["properties"]["template"] = template if inner else folded(template, replace(scope, known={}))
    return found


def _check_unique(source: Source, resources: Sequence[Resource]) -> None:
    seen: set[str] = set()
    for each in resources:
        if each.existing or not each.wanted:
            continue
        if each.key in seen:
            line, column = source.position(each.path)
            raise TemplateFault(
                f"The resource '{each.id}' at line '{line}' and column '{column}' is defined multiple times in a "
                "template. Please see https://aka.ms/arm-syntax-resources for usage details.",
                each.path,
            )
        seen.add(each.key)


def _needs(source: Source, resource: Resource, names: _Names) -> frozenset[str]:
    """Return the keys of what a resource waits for: what it says, and what its expressions ask about."""
    try:
        stated = resolved(resource.declared.get("dependsOn") or [], replace(resource.scope, runtime=False))
    except ExpressionError as wrong:
        raise resource_fault(source, resource.name, resource.path, wrong) from wrong
    found: set[str] = set()
    for each in stated if isinstance(stated, list) else [stated]:
        keys = names.keys(each) if isinstance(each, str) else None
        if keys is None:
            raise TemplateFault(
                f"The resource '{each}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage "
                "details.",
                (*resource.path, "dependsOn"),
            )
        found.update(keys)
    for name in _asked_about(_asking(resource), resource.scope):
        found.update(names.keys(name) or ())
    loop = resource.declared.get("copy")
    if isinstance(loop, dict) and str(loop.get("mode", "")).lower() == "serial":
        size = loop.get("batchSize")
        found.update(names.before(str(loop.get("name") or resource.symbol), resource.scope.indexes[""],
                                  size if isinstance(size, int) and size > 0 else 1))  # fmt: skip
    return frozenset(found - {resource.key})


def _asking(resource: Resource) -> Document:
    """Return those parts of a resource whose expressions it must wait for; a template inside has its own order."""
    body = {name: each for name, each in resource.declared.items() if name.lower() not in _DIRECTIONS}
    if resource.is_deployment:
        return {"parameters": (body.get("properties") or {}).get("parameters")}
    return body


def _asked_about(value: Any, scope: Scope) -> Iterator[str]:
    """Yield the names that `reference` and `list…` are called with, where those can be told."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _asked_about(name, scope)
            yield from _asked_about(each, scope)
    elif isinstance(value, list):
        for each in value:
            yield from _asked_about(each, scope)
    elif isinstance(value, str) and is_expression(value):
        try:
            yield from _asked_by(parse(value[1:-1]), scope)
        except ExpressionError:
            return  # said when the resource is written


def _asked_by(node: Node, scope: Scope) -> Iterator[str]:
    if isinstance(node, Access):
        yield from _asked_by(node.target, scope)
        yield from _asked_by(node.key, scope)
    if not isinstance(node, Call):
        return
    for each in node.arguments:
        yield from _asked_by(each, scope)
    name = node.name.lower()
    if node.arguments and (name in {"reference", "references"} or name.startswith("list")):
        try:
            asked = evaluate(node.arguments[0], scope)
        except (ExpressionError, Unresolved):
            return
        if isinstance(asked, str):
            yield asked


def _ordered(resources: Sequence[Resource]) -> Iterator[Resource]:
    """Yield resources so that each comes after all it needs, in the template's order otherwise."""
    waiting = {each.key: each for each in resources}
    done: set[str] = set()
    while waiting:
        ready = [each for each in waiting.values() if each.needs <= done]
        if not ready:
            stuck = next(iter(waiting.values()))
            raise TemplateFault(
                f"Circular dependency detected on resource: '{stuck.id}'. Please see "
                "https://aka.ms/arm-syntax-resources for usage details.",
                stuck.path,
            )
        for each in ready:
            done.add(each.key)
            del waiting[each.key]
            yield each
