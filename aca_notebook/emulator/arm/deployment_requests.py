"""What a caller asks of a deployment: read from the request's text as it came. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.deployment_faults import invalid_template
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.templates.arguments import member
from aca_notebook.emulator.arm.templates.faults import TemplateFault
from aca_notebook.emulator.arm.templates.jsonc import NotJson, Source, read_source
from aca_notebook.emulator.arm.templates.parameters import Parameter, settled_parameters
from aca_notebook.emulator.arm.templates.plan import Plan, make_plan
from aca_notebook.emulator.arm.templates.scopes import Moment, Scope
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.templates.jsonc import Path
    from aca_notebook.emulator.arm.templates.place import Place

Document = dict[str, Any]
MODES = {"incremental": "Incremental", "complete": "Complete"}
_NAME = re.compile(r"[-\w._()]+")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A deployment as it is asked for; `path` leads to its template in `source`."""

    source: Source = field(repr=False)
    template: Document = field(repr=False)
    path: Path
    parameters: Document = field(repr=False)
    mode: str
    location: str
    tags: Document
    level: str = ""
    result_format: str = "FullResourcePayloads"


@dataclass(frozen=True, slots=True)
class Settled:
    """The same with its parameters settled and its resources known."""

    asked: Asked
    parameters: dict[str, Parameter]
    plan: Plan

    def values(self) -> Document:
        """Return the parameters' values, secret ones included."""
        return {name: each.value for name, each in self.parameters.items()}


def read_asked(text: str) -> Asked:
    """Read the body of a write, of a validation or of a prediction.

    Raises `AzureError` 400 for what is no JSON or has no template, 501 for what this emulator does not offer.
    """
    try:
        source = read_source(text)
    except NotJson as bad:
        raise invalid(
            "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{bad}'."
        ) from bad
    body = source.value
    name, properties = _section(body, "properties")
    template_name, template = _section(properties, "template")
    _refuse_unoffered(properties)
    if not template_name:
        raise invalid("InvalidRequestContent", "The request content is not valid: a deployment needs a template.")
    mode = str(member(properties, "mode")[1] or "Incremental")
    if mode.lower() not in MODES:
        raise invalid("InvalidRequestContent", f"The deployment mode '{mode}' is neither Incremental nor Complete.")
    given = _section(properties, "parameters")[1]
    if "$schema" in given and isinstance(given.get("parameters"), dict):  # a parameters file as it stands
        given = given["parameters"]
    wanted = _section(properties, "whatIfSettings")[1]
    return Asked(
        source, template, (name, template_name), given, MODES[mode.lower()],
        str(member(body, "location")[1] or ""), _section(body, "tags")[1],
        str(member(properties, "validationLevel")[1] or ""),
        str(member(wanted, "resultFormat")[1] or "FullResourcePayloads"),
    )  # fmt: skip


def settle(asked: Asked, place: Place, moment: Moment) -> Settled:
    """Return the deployment with what its parameters are and what it deploys.

    Raises `AzureError` 400 InvalidTemplate.
    """
    try:
        parameters = settled_parameters(asked.template, asked.parameters, Scope(place, moment=moment))
        return planned(asked, place, parameters)
    except TemplateFault as fault:
        raise invalid_template(replace_path(fault, asked.path), asked.source) from fault


def planned(asked: Asked, place: Place, parameters: dict[str, Parameter]) -> Settled:
    """Return the deployment with what it deploys. Raises `TemplateFault`."""
    scope = Scope(place, {name: each.value for name, each in parameters.items()})
    return Settled(asked, parameters, make_plan(asked.source, asked.template, scope, asked.path))


def replace_path(fault: TemplateFault, prefix: Path) -> TemplateFault:
    """Return a fault whose path begins at the request's top."""
    inside = fault.path[: len(prefix)] == prefix
    return fault if inside else TemplateFault(fault.message, (*prefix, *fault.path))


def check_name(name: str) -> None:
    """Refuse a deployment's name that Azure would refuse. Raises `AzureError` 400."""
    if len(name) > _LONGEST_NAME:
        raise invalid(
            "InvalidDeploymentName",
            f"The provided deployment name '{name}' has a length of '{len(name)}' which exceeds the maximum length of "
            f"'{_LONGEST_NAME}'. Please see https://aka.ms/arm-deploy for usage details.",
        )
    if _NAME.fullmatch(name) is None:
        raise invalid(
            "InvalidDeploymentName",
            f"The provided deployment name '{name}' is not valid: it may have letters, digits and '-', '_', '.', '(' "
            "and ')'.",
        )


def check_location(asked: Asked, name: str, *, in_group: bool) -> None:
    """Refuse a location where there is none, and none where there must be one. Raises `AzureError` 400."""
    if in_group and asked.location:
        raise invalid(
            "InvalidDeployment",
            f"The 'location' property is not allowed for '{name}'. Please see https://aka.ms/arm-deployment-resources "
            "for usage details.",
        )
    if not in_group and not asked.location:
        raise invalid(
            "InvalidDeployment",
            f"The 'location' property must be specified for '{name}'. Please see "
            "https://aka.ms/arm-deployment-subscription for usage details.",
        )


def _refuse_unoffered(properties: Document) -> None:
    found, link = member(properties, "templateLink")
    if found and link and not member(properties, "template")[1]:
        uri = (link.get("uri") or link.get("id") or "") if isinstance(link, dict) else link
        raise invalid(
            "InvalidContentLink",
            f"Unable to download deployment content from '{uri}': this emulator asks nobody for a template. Send it in "
            "the request. Please see https://aka.ms/arm-deploy for usage details.",
        )
    if member(properties, "onErrorDeployment")[1]:
        raise AzureError(
            501, "NotImplemented", "This emulator does not deploy again by itself when a deployment failed."
        )


def _section(body: Any, name: str) -> tuple[str, Document]:
    """Return a member's name as it is written, empty when it is not there, and its value.

    Raises `AzureError` 400 for what is no object.
    """
    if not isinstance(body, dict):
        raise invalid("InvalidRequestContent", "The request content was invalid: expected an object.")
    for key, value in body.items():
        if key.lower() == name.lower() and value is not None:
            if not isinstance(value, dict):
                raise invalid("InvalidRequestContent", f"The request content was invalid: '{name}' must be an object.")
            return key, value
    return "", {}


def without_secrets(parameters: dict[str, Parameter]) -> Document:
    """Return parameters as a deployment shows them."""
    return {name: each.shown() for name, each in parameters.items()}
