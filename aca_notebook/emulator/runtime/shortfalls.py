"""What an app's documents ask for and this machine does not give: told in the app's system log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.runtime.ingress_rules import ANONYMOUS, SignIn
from aca_notebook.emulator.runtime.volumes import MOUNTS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NO_CERTIFICATES = {"require", "accept"}
_AS_FOLDERS = {"emptydir", "secret"}


def shortfalls(
    configuration: Mapping[str, Any], template: Mapping[str, Any], sign_in: SignIn | None
) -> tuple[str, ...]:  # fmt: skip
    """Return a sentence for each thing that is stored and not acted on, or acted on in part."""
    return (
        *_of_ingress(configuration.get("ingress") or {}),
        *_of_volumes(template),
        *_of_rest(configuration, template),
        *_of_sign_in(sign_in),
    )


def _of_ingress(ingress: Mapping[str, Any]) -> Iterator[str]:
    if str(ingress.get("clientCertificateMode") or "ignore").lower() in _NO_CERTIFICATES:
        yield "ingress.clientCertificateMode is stored and not enforced: no client is asked for a certificate."
    for mapping in ingress.get("additionalPortMappings") or ():
        yield f"ingress.additionalPortMappings: port {mapping.get('targetPort')} is not published on this machine."
    for domain in ingress.get("customDomains") or ():
        yield f"ingress.customDomains: '{domain.get('name')}' is stored; requests come by the app's own address."


def _of_volumes(template: Mapping[str, Any]) -> Iterator[str]:
    kinds = {each.get("name"): each.get("storageType") or "EmptyDir" for each in template.get("volumes") or ()}
    for container in (*(template.get("containers") or ()), *(template.get("initContainers") or ())):
        for mount in container.get("volumeMounts") or ():
            named, place = mount.get("volumeName"), mount.get("mountPath")
            kind = str(kinds.get(named, "unknown"))
            if kind.lower() in _AS_FOLDERS:
                yield (
                    f"Volume '{named}' ({kind}) is a folder that {MOUNTS_VARIABLE} names: '{place}' means it in "
                    "arguments and variables, and in a program this machine's own."
                )
            else:
                yield f"Volume '{named}' ({kind}) is not mounted: '{place}' is this machine's own."


def _of_rest(configuration: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[str]:
    if (configuration.get("dapr") or {}).get("enabled"):
        yield "dapr is stored: no sidecar runs beside local replicas."
    if template.get("serviceBinds"):
        yield "template.serviceBinds is stored: add-on services are not offered locally."


def _of_sign_in(sign_in: SignIn | None) -> Iterator[str]:
    if sign_in is not None and sign_in.action == ANONYMOUS:
        yield "Sign-in (authConfigs) lets every request pass as nobody's: nobody can sign in on this machine."
    elif sign_in is not None:
        yield "Sign-in (authConfigs) is enforced, and nobody can sign in on this machine: requests are turned away."
