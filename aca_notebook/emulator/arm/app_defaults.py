"""What Azure makes of an app's body: read, coerced, completed (facts §3.3; recorded: app_e2e, ingress_e2e)."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from aca_notebook.emulator.arm.provisioning import DEFAULT_COOLDOWN_SECONDS, DEFAULT_POLLING_SECONDS
from aca_notebook.emulator.arm.shapes import APP_CONFIGURATION, APP_TEMPLATE, shaped
from aca_notebook.emulator.arm.values import cores, items, member, text, texts, truth, whole, word
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.quantities import ephemeral_storage, format_memory, parse_memory, plain

Document = dict[str, Any]
#: Enumerations, in the case that Azure answers; clients send them in any.
REVISIONS_MODES = ("Single", "Multiple", "Labels")
TRANSPORTS = ("Auto", "Http", "Http2", "Tcp")
_PROBES = ("Liveness", "Readiness", "Startup")
_SCHEMES = ("HTTP", "HTTPS")
_MAX_INACTIVE_REVISIONS = 100
_REGISTRY_FIELDS = ("server", "username", "passwordSecretRef", "identity")
_ALL_TO_LATEST = [{"weight": 100, "latestRevision": True}]
#: The 201 of a PUT has none of these yet.
_LATER = ("runningStatus", "latestRevisionName", "latestReadyRevisionName", "latestRevisionFqdn", "eventStreamEndpoint")


def settled_configuration(asked: Document, *, first: bool) -> Document:
    """Return `properties.configuration` with every field Azure answers, given one without nulls.

    Raises `AzureError` 400 for a member of another type than the API describes.
    """
    asked = shaped(asked, APP_CONFIGURATION, "properties.configuration")
    limit = whole(asked.get("maxInactiveRevisions"), "properties.configuration.maxInactiveRevisions")
    return {
        "secrets": [_secret(each) for each in items(asked.get("secrets"), "properties.configuration.secrets")] or None,
        "activeRevisionsMode": word(text(asked.get("activeRevisionsMode"), "activeRevisionsMode"), REVISIONS_MODES)
        or "Single",
        "targetLabel": asked.get("targetLabel") or "",
        "revisionTransitionThreshold": asked.get("revisionTransitionThreshold"),
        "ingress": _ingress(member(asked["ingress"], "properties.configuration.ingress"))
        if asked.get("ingress")
        else None,
        "registries": [
            {name: text(each.get(name), f"registries.{name}") for name in _REGISTRY_FIELDS}
            for each in items(asked.get("registries"), "properties.configuration.registries")
        ]
        or None,
        "identitySettings": items(asked.get("identitySettings"), "properties.configuration.identitySettings"),
        "dapr": asked.get("dapr"),
        "runtime": asked.get("runtime"),
        # Only the first write is given the default; a later one without it shows nothing (facts §3.3).
        "maxInactiveRevisions": _MAX_INACTIVE_REVISIONS if limit is None and first else limit,
        "service": asked.get("service"),
    }


def settled_template(asked: Document, *, on_gpu: bool) -> Document:
    """Return `properties.template` with every field Azure answers, given one without nulls.

    Raises `AzureError` 400 for a member of another type than the API describes.
    """
    path = "properties.template"
    asked = shaped(asked, APP_TEMPLATE, path)
    return {
        "revisionSuffix": text(asked.get("revisionSuffix"), f"{path}.revisionSuffix"),
        "terminationGracePeriodSeconds": whole(
            asked.get("terminationGracePeriodSeconds"), f"{path}.terminationGracePeriodSeconds"
        ),
        "containers": [
            _container(each, on_gpu=on_gpu) for each in items(asked.get("containers"), f"{path}.containers")
        ],
        "initContainers": [
            _container(each, on_gpu=on_gpu) for each in items(asked.get("initContainers"), f"{path}.initContainers")
        ]
        or None,
        "scale": _scale(member(asked.get("scale"), f"{path}.scale")),
        "volumes": asked.get("volumes") or None,
        "serviceBinds": asked.get("serviceBinds") or None,
    }


def created_view(document: Document, asked: Document) -> Document:
    """Return what a PUT's 201 shows: the app before the platform filled in what was not asked (recorded: app_e2e)."""
    shown = copy.deepcopy(document)
    properties = shown["properties"]
    for name in _LATER:
        properties.pop(name, None)
    wanted = shaped(asked.get("configuration") or {}, APP_CONFIGURATION, "properties.configuration")
    configuration = properties["configuration"]
    configuration["targetLabel"] = wanted.get("targetLabel")
    if wanted.get("secrets") == []:
        configuration["secrets"] = []  # as it was asked (recorded: identity_e2e)
    configuration["activeRevisionsMode"] = word(wanted.get("activeRevisionsMode"), REVISIONS_MODES)
    if configuration["ingress"]:
        given = wanted["ingress"]
        configuration["ingress"] |= {name: given.get(name) for name in ("fqdn", "exposedPort", "traffic")}
    if configuration["registries"]:
        configuration["registries"] = wanted["registries"]
    template = shaped(asked.get("template") or {}, APP_TEMPLATE, "properties.template")
    properties["template"] = _created_template(properties["template"], template)
    return shown


def _created_template(template: Document, asked: Document) -> Document:
    shown = dict(template)
    shown["revisionSuffix"] = asked.get("revisionSuffix")
    if asked.get("scale") is None:
        shown["scale"] = None
    else:
        given = asked["scale"]
        shown["scale"] |= {
            name: given.get(name) for name in ("maxReplicas", "cooldownPeriod", "pollingInterval", "rules")
        }
    for name in ("containers", "initContainers"):
        shown[name] = [
            _created_container(each, given)
            for each, given in zip(template[name] or (), asked.get(name) or (), strict=False)
        ] or None
    return shown


def _created_container(container: Document, asked: Document) -> Document:
    shown = container | {"imageType": asked.get("imageType", "CloudBuild")}
    if "resources" not in asked:
        del shown["resources"]
        return shown
    given = asked["resources"]
    resources = container["resources"]
    shown["resources"] = {
        "cpu": resources["cpu"],
        "memory": given.get("memory", resources["memory"]),
        "ephemeralStorage": ephemeral_storage(float(resources["cpu"]), on_gpu=False),
    }
    return shown


def _secret(asked: Document) -> Document:
    """Keep a secret's name and where it comes from, never its value."""
    vault: Document = {
        name: asked[name] for name in ("keyVaultUrl", "identity") if asked.get("keyVaultUrl") and name in asked
    }
    return {"name": text(asked.get("name"), "properties.configuration.secrets.name"), **vault}


def _ingress(asked: Document) -> Document:
    path = "properties.configuration.ingress"
    traffic = [_traffic(each) for each in items(asked.get("traffic"), f"{path}.traffic")]
    return {
        "fqdn": asked.get("fqdn") or "",
        "external": bool(truth(asked.get("external"), f"{path}.external")),
        "targetPort": whole(asked.get("targetPort"), f"{path}.targetPort") or 0,
        "exposedPort": whole(asked.get("exposedPort"), f"{path}.exposedPort") or 0,
        "transport": word(text(asked.get("transport"), f"{path}.transport"), TRANSPORTS) or "Auto",
        "traffic": traffic or copy.deepcopy(_ALL_TO_LATEST),
        "customDomains": asked.get("customDomains"),
        "allowInsecure": bool(truth(asked.get("allowInsecure"), f"{path}.allowInsecure")),
        "ipSecurityRestrictions": asked.get("ipSecurityRestrictions"),
        "corsPolicy": asked.get("corsPolicy"),
        "clientCertificateMode": asked.get("clientCertificateMode"),
        "stickySessions": member(asked.get("stickySessions"), f"{path}.stickySessions") or None,
        "additionalPortMappings": items(asked.get("additionalPortMappings"), f"{path}.additionalPortMappings") or None,
        "targetPortHttpScheme": asked.get("targetPortHttpScheme"),
    }


def _traffic(asked: Document) -> Document:
    path = "properties.configuration.ingress.traffic"
    shown: Document = {}
    if asked.get("revisionName"):
        shown["revisionName"] = text(asked["revisionName"], f"{path}.revisionName")
    shown["weight"] = whole(asked.get("weight"), f"{path}.weight") or 0
    if truth(asked.get("latestRevision"), f"{path}.latestRevision"):
        shown["latestRevision"] = True  # false is not answered (recorded: ingress_traffic_e2e)
    if asked.get("label"):
        shown["label"] = text(asked["label"], f"{path}.label")
    return shown


def _container(asked: Document, *, on_gpu: bool) -> Document:
    path = "properties.template.containers"
    given = member(asked.get("resources"), f"{path}.resources")
    cpu = cores(given.get("cpu", 0.5), f"{path}.resources.cpu")
    shown: Document = {
        "image": text(asked.get("image"), f"{path}.image"),
        "imageType": "ContainerImage",
        "name": text(asked.get("name"), f"{path}.name"),
    }
    shown |= {name: texts(asked[name], f"{path}.{name}") for name in ("command", "args") if asked.get(name)}
    shown |= {name: items(asked[name], f"{path}.{name}") for name in ("env", "volumeMounts") if asked.get(name)}
    shown["resources"] = {
        "cpu": cpu,
        "memory": _memory(given.get("memory", f"{float(cpu) * 2:g}Gi")),
        "ephemeralStorage": ephemeral_storage(float(cpu), on_gpu=on_gpu),
    }
    if asked.get("probes"):
        shown["probes"] = [_probe(each) for each in items(asked["probes"], f"{path}.probes")]
    return shown


def _memory(value: Any) -> str:
    written = text(value, "properties.template.containers.resources.memory").strip()
    try:
        size_bytes = parse_memory(written)
    except ValueError as bad:
        raise AzureError(400, "ContainerAppInvalidResourceTotal", f"{bad}.") from bad
    if written.endswith("Gi"):  # not by way of bytes: 0.1Gi is no whole number of them
        return f"{plain(Decimal(written.removesuffix('Gi')))}Gi"
    return format_memory(size_bytes)


def _probe(asked: Document) -> Document:
    path = "properties.template.containers.probes"
    shown: Document = {"type": word(asked.get("type", "Liveness"), _PROBES)}
    for name, value in asked.items():
        if name in {"httpGet", "tcpSocket"}:
            action = dict(member(value, f"{path}.{name}"))
            action["port"] = whole(action.get("port"), f"{path}.{name}.port")
            if "scheme" in action:
                action["scheme"] = word(action["scheme"], _SCHEMES)
            shown[name] = action
        elif name != "type":
            shown[name] = whole(value, f"{path}.{name}")
    return shown


def _scale(asked: Document) -> Document:
    path = "properties.template.scale"
    highest = whole(asked.get("maxReplicas"), f"{path}.maxReplicas")
    cooldown = whole(asked.get("cooldownPeriod"), f"{path}.cooldownPeriod")
    polling = whole(asked.get("pollingInterval"), f"{path}.pollingInterval")
    return {
        "minReplicas": whole(asked.get("minReplicas"), f"{path}.minReplicas"),
        "maxReplicas": 10 if highest is None else highest,
        "cooldownPeriod": DEFAULT_COOLDOWN_SECONDS if cooldown is None else cooldown,
        "pollingInterval": DEFAULT_POLLING_SECONDS if polling is None else polling,
        "rules": items(asked.get("rules"), f"{path}.rules") or None,
    }
