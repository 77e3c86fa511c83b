"""What an app is meant to be: values read once from the documents that Azure's clients PUT."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.runtime.ingress_rules import IngressRules, read_rules
from aca_notebook.emulator.runtime.shortfalls import shortfalls
from aca_notebook.emulator.runtime.volumes import Mount, Volume
from aca_notebook.emulator.scaling.rules import Scale, ScaleRule
from aca_notebook.model.gpu import find_profile_type
from aca_notebook.model.ids import parse_id
from aca_notebook.model.quantities import parse_cpu, parse_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "App", "Container", "Ingress", "Probe", "Revision", "Scale", "ScaleRule", "TrafficWeight", "desired_app",
]  # fmt: skip

DEFAULT_HTTP_CONCURRENCY = 10.0
_CONTAINER_PORT = 0
_ALL_TO_LATEST: tuple[dict[str, Any], ...] = ({"latestRevision": True, "weight": 100},)


@dataclass(frozen=True, slots=True)
class Probe:
    """One health check; `path` empty means a TCP connection, `port` 0 the port the container was given.

    With `secure` it speaks TLS, and believes any certificate, as Kubernetes' probes do.
    """

    kind: str  #: Startup, Readiness or Liveness
    path: str = ""
    port: int = _CONTAINER_PORT
    headers: tuple[tuple[str, str], ...] = ()
    initial_delay_seconds: float = 0.0
    period_seconds: float = 10.0
    timeout_seconds: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a template; `secret_env` pairs a variable with the name of the secret that fills it."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secret_env: tuple[tuple[str, str], ...] = ()
    cpu_cores: float = 0.5
    memory_bytes: int = 2**30
    probes: tuple[Probe, ...] = ()
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class TrafficWeight:
    """One traffic entry; `latest` stands for the newest revision that is ready and leaves `revision` empty."""

    revision: str = ""
    weight: int = 0
    label: str = ""
    latest: bool = False


@dataclass(frozen=True, slots=True)
class Ingress:
    """How an app is reached."""

    external: bool = False
    target_port: int = 0
    transport: str = "Auto"
    exposed_port: int = 0  #: where a TCP app is to be reached; others have none
    traffic: tuple[TrafficWeight, ...] = (TrafficWeight(weight=100, latest=True),)
    sticky: bool = False
    rules: IngressRules = field(default_factory=IngressRules)
    hosts: frozenset[str] = frozenset()  #: custom domains, in lower case


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision: an immutable template and whether it may have replicas."""

    name: str
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    scale: Scale = field(default_factory=Scale)
    gpus: int = 0
    gpu_model: str = ""
    termination_grace_seconds: float = 30.0
    active: bool = True

    @property
    def cpu_cores(self) -> float:
        """Cores of one replica."""
        return sum(container.cpu_cores for container in self.containers)

    @property
    def memory_bytes(self) -> int:
        """Memory of one replica."""
        return sum(container.memory_bytes for container in self.containers)


@dataclass(frozen=True, slots=True)
class App:
    """One container app; `revisions` are in the order they were made, `key` is its id in lower case."""

    key: str
    name: str
    environment: str
    running: bool
    revisions: tuple[Revision, ...]
    latest_revision: str
    ingress: Ingress | None
    single: bool = True  #: `activeRevisionsMode` is Single: only the newest revision that is ready serves
    dns_suffix: str = ""
    is_job: bool = False  #: it is a job, and its revisions are executions
    shortfalls: tuple[str, ...] = ()  #: what is asked for and not done, a sentence each

    def revision(self, name: str) -> Revision | None:
        """The revision of that name, or None."""
        return next((revision for revision in self.revisions if revision.name == name), None)


def desired_app(
    document: Mapping[str, Any], revisions: Sequence[Mapping[str, Any]], profiles: Mapping[str, str],
    *, dns_suffix: str = "", sign_in: Mapping[str, Any] | None = None,
) -> App:  # fmt: skip
    """Read an app's document and those of its revisions, oldest first.

    `profiles` maps the environment's workload profile names to their types; a type with GPUs gives each replica that
    many. `sign_in` are the properties of the app's authConfig, if it has one. Raises `ValueError` or `KeyError` for a
    document that validation should have refused.
    """
    identity = parse_id(document["id"])
    properties = _object(document, "properties")
    configuration = _object(properties, "configuration")
    ingress = _ingress(configuration.get("ingress"), sign_in)
    profile = find_profile_type(profiles.get(properties.get("workloadProfileName") or "", ""))
    gpus, gpu_model = (profile.gpus, profile.gpu_model) if profile else (0, "")
    secrets = tuple(str(each["name"]) for each in configuration.get("secrets") or ())
    newest = _object(_object(revisions[-1], "properties"), "template") if revisions else {}
    environment = properties.get("environmentId") or properties.get("managedEnvironmentId") or ""
    return App(
        key=identity.key,
        name=identity.name,
        environment=environment.rstrip("/").rpartition("/")[2],
        running=str(properties.get("runningStatus") or "Running").lower() != "stopped",
        revisions=tuple(_revision(revision, ingress, gpus, gpu_model, secrets) for revision in revisions),
        latest_revision=properties.get("latestRevisionName") or (revisions[-1]["name"] if revisions else ""),
        ingress=ingress,
        single=str(configuration.get("activeRevisionsMode") or "Single").lower() == "single",
        dns_suffix=dns_suffix,
        shortfalls=shortfalls(configuration, newest, ingress.rules.sign_in if ingress else None),
    )


def _revision(
    document: Mapping[str, Any], ingress: Ingress | None, gpus: int, gpu_model: str, secrets: Sequence[str]
) -> Revision:  # fmt: skip
    properties = _object(document, "properties")
    template = _object(properties, "template")
    containers = tuple(_container(entry, ingress) for entry in template.get("containers") or ())
    if ingress is not None and containers:
        containers = (_with_default_probes(containers[0]), *containers[1:])
    grace = template.get("terminationGracePeriodSeconds")
    return Revision(
        name=document["name"],
        containers=containers,
        init_containers=tuple(_container(entry, ingress) for entry in template.get("initContainers") or ()),
        volumes=tuple(_volume(entry, secrets) for entry in template.get("volumes") or ()),
        scale=_scale(template.get("scale") or {}, containers, has_ingress=ingress is not None),
        gpus=gpus,
        gpu_model=gpu_model,
        termination_grace_seconds=30.0 if grace is None else float(grace),
        active=bool(properties.get("active", True)),
    )


def _container(entry: Mapping[str, Any], ingress: Ingress | None) -> Container:
    resources = entry.get("resources") or {}
    variables = entry.get("env") or ()
    return Container(
        name=entry["name"],
        image=entry["image"],
        command=tuple(entry.get("command") or ()),
        args=tuple(entry.get("args") or ()),
        env=tuple((each["name"], str(each.get("value") or "")) for each in variables if not each.get("secretRef")),
        secret_env=tuple((each["name"], each["secretRef"]) for each in variables if each.get("secretRef")),
        cpu_cores=parse_cpu(resources.get("cpu") or 0.5),
        memory_bytes=parse_memory(resources.get("memory") or "1Gi"),
        probes=tuple(read_probe(each, ingress.target_port if ingress else None) for each in entry.get("probes") or ()),
        mounts=tuple(
            Mount(str(each.get("volumeName") or ""), str(each.get("mountPath") or ""), str(each.get("subPath") or ""))
            for each in entry.get("volumeMounts") or ()
        ),
    )


def _volume(entry: Mapping[str, Any], secrets: Sequence[str]) -> Volume:
    """Read a volume; one of secrets that names none has them all, each in a file of its name (documented)."""
    kind = str(entry.get("storageType") or "EmptyDir")
    if kind.lower() != "secret":
        return Volume(str(entry.get("name") or ""), "EmptyDir" if kind.lower() == "emptydir" else kind)
    chosen = [
        (str(each.get("secretRef") or ""), str(each.get("path") or each.get("secretRef") or ""))
        for each in entry.get("secrets") or ()
    ]
    return Volume(str(entry.get("name") or ""), "Secret", tuple(chosen or ((name, name) for name in secrets)))


def read_probe(entry: Mapping[str, Any], target_port: int | None) -> Probe:
    """Read one health check; one of the port that the ingress leads to, or of none, is of the container's own."""
    http = entry.get("httpGet")
    action = http or entry.get("tcpSocket") or {}
    port = int(action.get("port") or _CONTAINER_PORT)
    if target_port is None or port == target_port:
        port = _CONTAINER_PORT
    return Probe(
        kind=str(entry.get("type") or "Liveness").capitalize(),
        path=(http.get("path") or "/") if http else "",
        port=port,
        headers=(
            *((("host", str(http["host"])),) if http and http.get("host") else ()),
            *((each["name"], str(each["value"])) for each in action.get("httpHeaders") or ()),
        ),
        initial_delay_seconds=float(entry.get("initialDelaySeconds") or 0),
        period_seconds=float(entry.get("periodSeconds") or 10),
        timeout_seconds=float(entry.get("timeoutSeconds") or 1),
        success_threshold=int(entry.get("successThreshold") or 1),
        failure_threshold=int(entry.get("failureThreshold") or 3),
        secure=bool(http) and str(action.get("scheme") or "").lower() == "https",
    )


def _with_default_probes(container: Container) -> Container:
    """Add the probes Azure adds to the main container of an app with ingress, for each kind it declares none of."""
    declared = {probe.kind for probe in container.probes}
    defaults = (
        Probe("Startup", initial_delay_seconds=1, period_seconds=1, timeout_seconds=3, failure_threshold=240),
        Probe("Readiness", initial_delay_seconds=3, period_seconds=5, timeout_seconds=5, failure_threshold=48),
    )
    probes = (*container.probes, *(probe for probe in defaults if probe.kind not in declared))
    return replace(container, probes=probes)


def _scale(entry: Mapping[str, Any], containers: Sequence[Container], *, has_ingress: bool) -> Scale:
    rules = tuple(_rule(rule, containers) for rule in entry.get("rules") or ())
    if not rules and has_ingress:
        rules = (ScaleRule("http", "http", DEFAULT_HTTP_CONCURRENCY),)
    low = int(entry.get("minReplicas") or 0)
    high = entry.get("maxReplicas")
    cooldown = entry.get("cooldownPeriod")
    return Scale(
        min_replicas=low,
        max_replicas=max(low, 1, 10 if high is None else int(high)),
        cooldown_seconds=300.0 if cooldown is None else float(cooldown),
        rules=rules,
    )


def _rule(entry: Mapping[str, Any], containers: Sequence[Container]) -> ScaleRule:
    name = str(entry.get("name") or "")
    for kind, field_name in (("http", "concurrentRequests"), ("tcp", "concurrentConnections")):
        if entry.get(kind) is not None:
            metadata = entry[kind].get("metadata") or {}
            return ScaleRule(name, kind, _number(metadata.get(field_name), DEFAULT_HTTP_CONCURRENCY))
    if entry.get("azureQueue") is not None:
        return ScaleRule(name, "azure-queue", _number(entry["azureQueue"].get("queueLength"), 5.0))
    custom = entry.get("custom") or {}
    kind, metadata = str(custom.get("type") or "unknown"), custom.get("metadata") or {}
    if kind in {"cpu", "memory"} and str(metadata.get("type")).lower() == "averagevalue":
        return ScaleRule(name, kind, _percent_of_share(kind, metadata.get("value"), containers))
    return ScaleRule(name, kind, _number(metadata.get("value"), 1.0))


def _percent_of_share(kind: str, value: Any, containers: Sequence[Container]) -> float:
    """Turn KEDA's AverageValue, cores or bytes of each replica, into percent of what a replica has."""
    try:
        if kind == "cpu":
            cores = parse_cpu(value[:-1]) / 1000 if str(value).endswith("m") else parse_cpu(value)
            percent = 100 * cores / sum(each.cpu_cores for each in containers)
        else:
            percent = 100 * parse_memory(str(value)) / sum(each.memory_bytes for each in containers)
    except (TypeError, ValueError, ZeroDivisionError):
        return 100.0
    return percent or 100.0


def _number(value: Any, default: float) -> float:
    """Read a figure out of metadata, where all values are strings; KEDA types are not validated (facts §3.3)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if number > 0 else default


def _ingress(entry: Mapping[str, Any] | None, sign_in: Mapping[str, Any] | None) -> Ingress | None:
    if not entry:
        return None
    traffic = tuple(
        TrafficWeight(
            revision=each.get("revisionName") or "",
            weight=int(each.get("weight") or 0),
            label=each.get("label") or "",
            latest=bool(each.get("latestRevision")),
        )
        for each in entry.get("traffic") or _ALL_TO_LATEST
    )
    transport, target_port = str(entry.get("transport") or "Auto"), int(entry.get("targetPort") or 0)
    exposed_port = int(entry.get("exposedPort") or target_port) if transport.lower() == "tcp" else 0
    return Ingress(
        external=bool(entry.get("external")),
        target_port=target_port,
        transport=transport,
        exposed_port=exposed_port,
        traffic=traffic,
        sticky=str((entry.get("stickySessions") or {}).get("affinity") or "none").lower() == "sticky",
        rules=read_rules(entry, sign_in),
        hosts=frozenset(str(each.get("name") or "").lower() for each in entry.get("customDomains") or ()),
    )


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = document.get(name) or {}
    return value
