"""An app as the command of `az` that makes it: by flags where they can say all of it, else by a YAML file. Pure.

Which flag says what is from the source of `az containerapp create` 2.91. Values of secrets are variables of the shell.
"""

from __future__ import annotations

import copy
import re
import shlex
from typing import TYPE_CHECKING, Any

from aca_notebook.model.yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Document = dict[str, Any]
#: Stands on both sides of a variable that the shell is to fill in: no argument and no variable can have it in it, so a
#: `$HOME` that somebody wrote is never taken for one of ours.
_MARK = "\0"
#: What flags can say of each part; a part with anything else needs the file.
_CONTAINER = {"name", "image", "env", "resources", "command", "args"}
_TEMPLATE = {"containers", "scale", "revisionSuffix", "terminationGracePeriodSeconds"}
_CONFIGURATION = {"maxInactiveRevisions", "secrets", "activeRevisionsMode", "ingress", "registries", "dapr"}
_INGRESS = {"external", "targetPort", "exposedPort", "transport", "allowInsecure", "fqdn", "traffic"}
_SCALE = {"minReplicas", "maxReplicas", "cooldownPeriod", "pollingInterval", "rules"}
_DEFAULTS = {"cooldownPeriod": 300, "pollingInterval": 30}
_INACTIVE_REVISIONS = 100  # what a first write is given (facts §3.3)
_TO_LATEST = [{"weight": 100, "latestRevision": True}]
_DAPR = {
    "appId": "--dapr-app-id", "appPort": "--dapr-app-port", "appProtocol": "--dapr-app-protocol",
    "httpReadBufferSize": "--dapr-http-read-buffer-size", "httpMaxRequestSize": "--dapr-http-max-request-size",
    "logLevel": "--dapr-log-level",
}  # fmt: skip
_OF_DAPR = {"enabled", "enableApiLogging", *_DAPR}


def create_lines(document: Mapping[str, Any], app: Document) -> list[str]:
    """Return the commands that make an app: `app` is what a PUT of it says, `document` has its name and id."""
    on = ["-n", str(document["name"]), "-g", _group(document)]
    if not tuple(_beyond_flags(app)):
        return [f"az containerapp create {_wrapped([quoted(word) for word in (*on, *_flags(app))])}"]
    file = f"{document['name']}.yaml"
    whole = {**app, "name": document["name"], "type": "Microsoft.App/containerApps"}
    text = _filled_in(re.sub(r"([\\`$])", r"\\\1", marked(yaml_text(with_variables(whole, shell_word)))))
    create = " ".join(quoted(word) for word in ("az", "containerapp", "create", *on, "--yaml", file))
    return [f"cat > {shlex.quote(file)} <<EOF\n{text}EOF", create]


def shell_variable(secret: str) -> str:
    """Return the name of the shell's variable that has a secret's value."""
    name = re.sub(r"[^A-Z0-9]", "_", secret.upper())
    return f"SECRET_{name}" if name[:1].isdigit() else name


def shell_word(secret: str) -> str:
    """Return a secret's variable as `quoted` knows that it is to be filled in."""
    return f"{_MARK}{shell_variable(secret)}{_MARK}"


def shown_word(secret: str) -> str:
    """Return a secret's variable as people read it."""
    return f"${shell_variable(secret)}"


def with_variables(part: Any, write: Callable[[str], str] = shown_word) -> Any:
    """Return a body with a variable of the shell in the place of each secret's value."""
    found = copy.deepcopy(part)
    for entry in secret_entries(found):
        if "value" in entry or not entry.get("keyVaultUrl"):
            entry["value"] = write(str(entry["name"]))
    return found


def secret_entries(part: Any) -> Iterator[Document]:
    """Every entry of a list `secrets` in a body, whatever noun it is of."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "secrets" and isinstance(value, list):
                yield from (entry for entry in value if isinstance(entry, dict) and "name" in entry)
            else:
                yield from secret_entries(value)
    elif isinstance(part, list):
        for value in part:
            yield from secret_entries(value)


def quoted(word: object) -> str:
    """A word as a shell takes it; one with a secret's variable (`shell_word`) so that the shell fills it in."""
    text = str(word)
    if _MARK not in text:
        return shlex.quote(text)
    return '"' + _filled_in(re.sub(r'([\\"`$])', r"\\\1", text)) + '"'


def marked(text: str) -> str:
    """Return a body's JSON or YAML with the marks of its variables as they are: both write them as escapes."""
    return re.sub(r"\\u0000([A-Z0-9_]+)\\u0000", f"{_MARK}\\1{_MARK}", text)


def _filled_in(text: str) -> str:
    return re.sub(f"{_MARK}([A-Z0-9_]+){_MARK}", r"$\1", text)


def rule_flags(rule: Document) -> list[str]:
    """Return a scale rule as flags."""
    kind = next((kind for kind in ("http", "tcp", "custom") if rule.get(kind)), "http")
    body = rule.get(kind) or {}
    type_ = body.get("type") if kind == "custom" else kind
    metadata = [f"{name}={value}" for name, value in (body.get("metadata") or {}).items()]
    auth = [f"{each['triggerParameter']}={each['secretRef']}" for each in body.get("auth") or ()]
    flags = ["--scale-rule-name", rule["name"], "--scale-rule-type", str(type_)]
    flags += ["--scale-rule-metadata", *metadata] if metadata else []
    return flags + (["--scale-rule-auth", *auth] if auth else [])


def dapr_flags(dapr: Document) -> list[str]:
    """Return the settings of the Dapr sidecar as flags."""
    flags = [word for name, flag in _DAPR.items() if dapr.get(name) for word in (flag, str(dapr[name]))]
    return flags + ["--dapr-enable-api-logging"] * bool(dapr.get("enableApiLogging"))


def _flags(app: Document) -> Iterator[str]:
    properties = app["properties"]
    template, configuration = properties["template"], properties.get("configuration") or {}
    yield from ("--environment", properties["environmentId"])
    yield from _container_flags(template["containers"][0])
    yield from _scale_flags(template.get("scale") or {})
    yield from _configuration_flags(configuration)
    for value, flag in (
        (properties.get("workloadProfileName"), "--workload-profile-name"),
        (template.get("revisionSuffix"), "--revision-suffix"),
        (template.get("terminationGracePeriodSeconds"), "--termination-grace-period"),
    ):
        yield from (flag, str(value)) if value else ()
    yield from _identity_flags(app.get("identity") or {}, configuration)
    if app.get("tags"):
        yield from ("--tags", *(f"{name}={value}" for name, value in app["tags"].items()))
    secrets = [_secret(each) for each in configuration.get("secrets") or ()]
    yield from ("--secrets", *secrets) if secrets else ()


def _container_flags(container: Document) -> Iterator[str]:
    resources = container.get("resources") or {}
    yield from ("--image", container["image"], "--container-name", container["name"])
    yield from ("--cpu", str(resources["cpu"])) if resources.get("cpu") else ()
    yield from ("--memory", resources["memory"]) if resources.get("memory") else ()
    pairs = [
        f"{each['name']}=secretref:{each['secretRef']}"
        if each.get("secretRef")
        else f"{each['name']}={each.get('value', '')}"
        for each in container.get("env") or ()
    ]
    yield from ("--env-vars", *pairs) if pairs else ()
    for name in ("command", "args"):
        yield from (f"--{name}", *container[name]) if container.get(name) else ()


def _scale_flags(scale: Document) -> Iterator[str]:
    for name, flag in (("minReplicas", "--min-replicas"), ("maxReplicas", "--max-replicas")):
        yield from (flag, str(scale[name])) if scale.get(name) is not None else ()
    for rule in scale.get("rules") or ():
        yield from rule_flags(rule)


def _configuration_flags(configuration: Document) -> Iterator[str]:
    yield from ("--revisions-mode", str(configuration.get("activeRevisionsMode") or "Single").lower())
    ingress = configuration.get("ingress") or {}
    if ingress:
        yield from ("--ingress", "external" if ingress.get("external") else "internal")
        yield from ("--target-port", str(ingress["targetPort"])) if ingress.get("targetPort") else ()
        yield from ("--transport", str(ingress.get("transport") or "auto").lower())
        yield from ("--exposed-port", str(ingress["exposedPort"])) if ingress.get("exposedPort") else ()
        yield from ("--allow-insecure",) if ingress.get("allowInsecure") else ()
    for registry in configuration.get("registries") or ():
        yield from ("--registry-server", registry["server"], "--registry-identity", registry["identity"])
    dapr = configuration.get("dapr") or {}
    if dapr.get("enabled"):
        yield from ("--enable-dapr", *dapr_flags(dapr))


def _identity_flags(identity: Document, configuration: Document) -> Iterator[str]:
    """Identities of its own; the one that pulls the image comes with `--registry-identity`."""
    pulling = {str(each.get("identity", "")).lower() for each in configuration.get("registries") or ()}
    yield from ("--system-assigned",) if "SystemAssigned" in str(identity.get("type")) else ()
    users = [each for each in identity.get("userAssignedIdentities") or () if each.lower() not in pulling]
    yield from ("--user-assigned", *users) if users else ()


def _secret(each: Document) -> str:
    if each.get("keyVaultUrl"):
        return f"{each['name']}=keyvaultref:{each['keyVaultUrl']},identityref:{each.get('identity') or 'system'}"
    return f"{each['name']}={shell_word(each['name'])}"


def _beyond_flags(app: Document) -> Iterator[str]:
    """What an app says that no flag does."""
    properties = app["properties"]
    template, configuration = properties["template"], properties.get("configuration") or {}
    scale, ingress = template.get("scale") or {}, configuration.get("ingress") or {}
    for part, known in (
        (template, _TEMPLATE), (template["containers"][0], _CONTAINER), (configuration, _CONFIGURATION),
        (ingress, _INGRESS), (scale, _SCALE), (configuration.get("dapr") or {}, _OF_DAPR),
    ):  # fmt: skip
        yield from (name for name, value in part.items() if name not in known and value not in (None, [], {}))
    yield from (name for name, value in _DEFAULTS.items() if scale.get(name) not in {None, value})
    if configuration.get("maxInactiveRevisions") not in {None, _INACTIVE_REVISIONS}:
        yield "maxInactiveRevisions"
    if ingress.get("traffic") not in (None, _TO_LATEST):
        yield "traffic"
    for name, entries in (
        ("containers", template["containers"]), ("rules", scale.get("rules") or ()),
        ("registries", configuration.get("registries") or ()),
    ):  # fmt: skip
        if len(entries) > 1:
            yield name
    if any(not each.get("identity") for each in configuration.get("registries") or ()):
        yield "passwords"


def _wrapped(words: Sequence[str]) -> str:
    """One flag with its values a line, as people write long commands."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word.startswith("-") and lines[-1]:
            lines.append([])
        lines[-1].append(word)
    return " \\\n  ".join(" ".join(line) for line in lines)


def _group(document: Mapping[str, Any]) -> str:
    found = re.search(r"/resourceGroups/([^/]+)/", str(document.get("id") or ""), re.IGNORECASE)
    return found[1] if found else "GROUP"
