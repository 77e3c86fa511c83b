"""The practices that guides to Container Apps recommend, each held against one app, with what shows it. Pure.

Scale to zero, probes, identity, Key Vault, Dapr, scale rules, GPU watched, jobs for batch, retries, traces; and our own
door and image. A judgement names its evidence in the document and the command that follows the practice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.model.checkup import Check, Outcome
from aca_notebook.model.gpu import find_profile_type

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
#: Secrets that the platform or a deploy of ours makes and rotates: nobody would keep them in a vault.
_OURS = {"aca-notebook-key", "applicationinsights-connection-string"}
_INSIGHTS = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PWD|CONNECTION_STRING)$", re.IGNORECASE)
#: Scalers that wait for messages: what they start works through a queue.
_QUEUES = {"azure-servicebus", "azure-queue", "azure-eventhub", "rabbitmq", "kafka", "redis"}
#: What is measured of work and of a GPU, as metric alerts know it.
_GPU_METRIC = "GpuUtilizationPercentage"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an app is judged by: its document, its profile's type, what watches it, and who else is there.

    `watched` are the metrics that alerts look at; `neighbours` the other apps of its environment.
    """

    document: Mapping[str, Any]
    profile_type: str = ""
    watched: tuple[str, ...] = ()
    neighbours: int = 0

    @property
    def name(self) -> str:
        """The app's name."""
        return str(self.document.get("name") or "NAME")

    @property
    def container(self) -> Document:
        """Its first container."""
        found: Document = (self._part("template").get("containers") or [{}])[0]
        return found

    @property
    def scale(self) -> Document:
        """How it scales."""
        return dict(self._part("template").get("scale") or {})

    @property
    def configuration(self) -> Document:
        """Ingress, secrets, registries, Dapr."""
        return self._part("configuration")

    @property
    def ingress(self) -> Document:
        """How it is reached; empty when it is not."""
        return dict(self.configuration.get("ingress") or {})

    @property
    def from_a_cell(self) -> bool:
        """Whether our runner serves it."""
        return any(each.get("name") == "ACA_NOTEBOOK_KEY" for each in self.container.get("env") or ())

    @property
    def gpu(self) -> str:
        """The GPU of its profile, or nothing."""
        found = find_profile_type(self.profile_type)
        return found.gpu_model if found else ""

    def _part(self, name: str) -> Document:
        found: Document = (self.document.get("properties") or {}).get(name) or {}
        return found


def lint(subject: Subject) -> tuple[Check, ...]:
    """Judge every practice, in the order people read them."""
    return tuple(judge(subject) for judge in _PRACTICES)


def _ok(name: str, said: str) -> Check:
    return Check(name, Outcome.OK, said)


def scale_to_zero(app: Subject) -> Check:
    """Intermittent work costs nothing while it rests."""
    least = int(app.scale.get("minReplicas") or 0)
    if not least:
        return _ok("scale to zero", "minReplicas is 0: nothing runs while nobody asks")
    what = f"minReplicas is {least}: {'a ' + app.gpu if app.gpu else 'a replica'} is paid for day and night"
    return Check("scale to zero", Outcome.WARN, what, f"%aca update {app.name} --min-replicas 0")


def health_probes(app: Subject) -> Check:
    """Liveness ends what hangs, readiness keeps requests from what is not ready."""
    there = {str(each.get("type")).lower() for each in app.container.get("probes") or ()}
    missing = [kind for kind in ("liveness", "readiness") if kind not in there]
    if not missing:
        return _ok("health probes", f"{', '.join(sorted(there))}")
    outcome = Outcome.FAIL if len(missing) == 2 else Outcome.WARN
    port = app.ingress.get("targetPort") or 80
    probes = " ".join(f"{kind}:/health:{port}" for kind in missing)
    return Check(
        "health probes", outcome, f"no {' and no '.join(missing)} probe", f"%aca update {app.name} --probe {probes}"
    )


def managed_identity(app: Subject) -> Check:
    """Identities need no secret that somebody could copy."""
    passwords = [each["server"] for each in app.configuration.get("registries") or () if each.get("passwordSecretRef")]
    if passwords:
        follow = f"%aca update {app.name} --registry-server {passwords[0]} --registry-identity system"
        return Check("managed identity", Outcome.FAIL, f"the image of {passwords[0]} is pulled with a password", follow)
    kind = str((app.document.get("identity") or {}).get("type") or "None")
    if kind != "None":
        return _ok("managed identity", kind)
    pulled = [each for each in app.configuration.get("registries") or () if each.get("identity")]
    if pulled:
        return _ok("managed identity", f"the image is pulled by {pulled[0]['identity']}")
    follow = f"%aca update {app.name} --system-assigned"
    return Check("managed identity", Outcome.WARN, "the app has none: what it opens, it opens with secrets", follow)


def key_vault(app: Subject) -> Check:
    """A value in a vault is rotated in one place, and every look at it is written down."""
    plain = [
        each["name"] for each in app.container.get("env") or ()
        if each.get("value") and _SECRET_NAME.search(each["name"])
    ]  # fmt: skip
    if plain:
        secret = plain[0].lower().replace("_", "-")
        return Check(
            "Key Vault", Outcome.FAIL, f"the variable {plain[0]} shows its value to whoever may read the app",
            f"%aca secret set {secret} --app {app.name}  # then: %aca update {app.name} "
            f"--set-env-vars {plain[0]}=secretref:{secret}",
        )  # fmt: skip
    secrets = [each for each in app.configuration.get("secrets") or () if each["name"] not in _OURS]
    kept = [each["name"] for each in secrets if not each.get("keyVaultUrl")]
    if kept:
        follow = (
            f"%aca secret set {kept[0]} --app {app.name} --keyvault https://VAULT.vault.azure.net/secrets/{kept[0]}"
        )
        return Check("Key Vault", Outcome.WARN, f"{', '.join(kept)}: the value lies in the app itself", follow)
    return _ok(
        "Key Vault", f"{len(secrets)} secrets, each in a vault" if secrets else "the app has no secret of its own"
    )


def dapr(app: Subject) -> Check:
    """Services that call each other are found, retried and traced by their sidecars."""
    block = app.configuration.get("dapr") or {}
    if block.get("enabled"):
        return _ok("Dapr", f"on, as {block.get('appId')}")
    if not app.neighbours or app.ingress.get("external", False) or not app.ingress:
        return _ok("Dapr", "off: nothing in its environment is meant to call it")
    port = app.ingress.get("targetPort") or 80
    follow = f"%aca update {app.name} --enable-dapr --dapr-app-id {app.name} --dapr-app-port {port}"
    return Check(
        "Dapr", Outcome.WARN, f"off, and {app.neighbours} neighbours may call it inside the environment", follow
    )


def scale_rules(app: Subject) -> Check:
    """A rule that fits the work, and room to follow it."""
    rules, most = app.scale.get("rules") or (), int(app.scale.get("maxReplicas") or 10)
    if not rules:
        what = "none: Azure's ten requests at once count, whatever a request costs"
        follow = f"%aca update {app.name} --scale-rule-name http-scaling --scale-rule-http-concurrency 10"
        return Check("scale rules", Outcome.WARN, what, follow)
    said = ", ".join(_rule(each) for each in rules)
    if app.gpu and any(int(_concurrent(each) or 0) > 10 for each in rules):
        follow = f"%aca update {app.name} --scale-rule-name http-scaling --scale-rule-http-concurrency 1"
        return Check("scale rules", Outcome.WARN, f"{said}: many at once on one {app.gpu}", follow)
    return _ok("scale rules", f"{said}; at most {most} replicas")


def _rule(each: Document) -> str:
    kind = next((kind for kind in ("http", "tcp", "custom") if each.get(kind)), "http")
    type_ = (each.get("custom") or {}).get("type") if kind == "custom" else kind
    count = _concurrent(each)
    return f"{each.get('name')}: {type_}{f', {count} at once' if count else ''}"


def _concurrent(each: Document) -> str:
    metadata = (each.get("http") or {}).get("metadata") or {}
    return str(metadata.get("concurrentRequests") or "")


def gpu_watched(app: Subject) -> Check:
    """A GPU that nobody uses costs as much as a busy one."""
    if not app.gpu:
        return _ok("GPU watched", "it has no GPU")
    if any(metric.lower() == _GPU_METRIC.lower() for metric in app.watched):
        return _ok("GPU watched", f"an alert looks at {_GPU_METRIC}")
    follow = f'%aca alert create {app.name}-gpu --app {app.name} --condition "avg {_GPU_METRIC} < 5"'
    return Check(
        "GPU watched", Outcome.WARN, f"no alert looks at its {app.gpu}; `%aca metrics {app.name}` shows it", follow
    )


def jobs_for_batch(app: Subject) -> Check:
    """What works through something and ends is a job: it is retried, timed out and paid for by the run."""
    rules = app.scale.get("rules") or ()
    queue = next((each["custom"]["type"] for each in rules if (each.get("custom") or {}).get("type") in _QUEUES), "")
    if app.ingress:
        return _ok("jobs for batch", "it answers requests, so it is an app")
    if queue:
        what = f"no ingress, and started by {queue}: a job of trigger type Event runs each message to its end"
        return Check(
            "jobs for batch", Outcome.WARN, what, f"az containerapp job create -n {app.name}-job --trigger-type Event …"
        )
    if not app.scale.get("minReplicas"):
        what = "no ingress, no rule and no replica kept: nothing ever starts it"
        return Check(
            "jobs for batch",
            Outcome.FAIL,
            what,
            f"az containerapp job create -n {app.name}-job --trigger-type Manual …",
        )
    return _ok("jobs for batch", "it works on without being asked, so it is an app")


def retries(app: Subject) -> Check:
    """A replica may go at any time: callers ask again, at least where Dapr does it for them."""
    if (app.configuration.get("dapr") or {}).get("enabled"):
        return _ok("retries", "Dapr repeats calls between services by its resiliency policy")
    if app.from_a_cell:
        return _ok("retries", "our client asks again where nothing was begun; a call is run at most once")
    if not app.ingress:
        return _ok("retries", "nobody calls it")
    what = "its callers have to ask again on 502, 503 and 504, while replicas start and go"
    return Check(
        "retries", Outcome.WARN, what, f"curl --retry 5 --retry-all-errors https://{app.ingress.get('fqdn') or 'FQDN'}/"
    )


def traced(app: Subject) -> Check:
    """Traces tell where a call's time went."""
    found = next((each for each in app.container.get("env") or () if each["name"] == _INSIGHTS), None)
    if found is None:
        follow = f"%aca deploy {app.name} --traces" if app.from_a_cell else (
            f"%aca secret set appinsights-connection --app {app.name}  # then: %aca update {app.name} "
            f"--set-env-vars {_INSIGHTS}=secretref:appinsights-connection"
        )  # fmt: skip
        return Check("Application Insights", Outcome.WARN, "calls are traced nowhere", follow)
    if not found.get("secretRef"):
        what = "the connection string is a plain variable: whoever may read the app can write traces"
        return Check(
            "Application Insights", Outcome.FAIL, what, f"%aca secret set appinsights-connection --app {app.name}"
        )
    return _ok("Application Insights", f"calls are traced, by the secret {found['secretRef']}")


def door(app: Subject) -> Check:
    """An address on the internet is found by others within hours."""
    if not app.ingress:
        return _ok("door", "it has no ingress")
    if not app.ingress.get("external"):
        return _ok("door", "its environment alone reaches it")
    public = any(each.get("name") == "ACA_NOTEBOOK_PUBLIC" for each in app.container.get("env") or ())
    if app.from_a_cell and not public:
        return _ok("door", "callers need its key")
    if app.ingress.get("ipSecurityRestrictions"):
        return _ok("door", "addresses are restricted")
    return Check(
        "door",
        Outcome.WARN,
        "anyone may call it, and each call may start a replica",
        f"%aca update {app.name} --ingress internal",
    )


def pinned_image(app: Subject) -> Check:
    """A tag that moves runs other code after the next start."""
    image = str(app.container.get("image") or "")
    if "@sha256:" in image or not re.search(r"(:latest$|^[^:]*$|/[^:]*$)", image):
        return _ok("pinned image", image)
    follow = f"%aca update {app.name} --image {image.removesuffix(':latest')}:VERSION"
    return Check("pinned image", Outcome.WARN, f"{image} may be another one tomorrow", follow)


_PRACTICES = (
    scale_to_zero, health_probes, managed_identity, key_vault, dapr, scale_rules, gpu_watched, jobs_for_batch, retries,
    traced, door, pinned_image,
)  # fmt: skip
