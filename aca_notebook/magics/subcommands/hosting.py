"""How an app is hosted, in the flags of `az containerapp create`; those that guides made up become what is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Option
from aca_notebook.model import hosting

if TYPE_CHECKING:
    from aca_notebook.model.hosting import Probe

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingFlags:
    """What stands on the line of image, ingress, probes, rules, Dapr and identities. Empty is not said."""

    image: str = ""
    container_name: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env_vars: dict[str, str] = field(default_factory=dict)
    registry_server: str = ""
    registry_identity: str = ""
    ingress: str = ""
    target_port: int = 0
    exposed_port: int = 0
    transport: str = ""
    allow_insecure: bool | None = None
    revisions_mode: str = ""
    revision_suffix: str = ""
    probe: tuple[Probe, ...] = ()
    scale_rule_name: str = ""
    scale_rule_type: str = ""
    scale_rule_custom_type: str = ""
    scale_rule_http_concurrency: int = 0
    scale_rule_metadata: Pairs = ()
    scale_rule_auth: Pairs = ()
    workload_profile_name: str = ""
    workload_profile_type: str = ""
    gpu_type: str = ""
    gpu_count: int = 0
    enable_dapr: bool | None = None
    dapr_app_id: str = ""
    dapr_app_port: int = 0
    dapr_app_protocol: str = ""
    dapr_http_max_request_size: int = 0
    dapr_http_read_buffer_size: int = 0
    dapr_log_level: str = ""
    dapr_enable_api_logging: bool = False
    system_assigned: bool = False
    user_assigned: tuple[str, ...] = ()
    tags: Pairs = ()
    termination_grace_period: int = 0


def _switch(name: str, help_: str) -> Option:
    """A switch that may be followed by true or false, as with az."""
    return Option((name,), help_, read=readers.truth, optional=True, metavar="BOOL")


SCALE = (
    Option(("--scale-rule-name",), "a scale rule in place of requests at once", metavar="NAME"),
    Option(("--scale-rule-type",), "http (default), tcp, cpu, memory, azure-servicebus, azure-queue, prometheus …",
           read=str.lower, metavar="TYPE"),
    Option(("--scale-rule-custom-type",), "the scaler, where guides write --scale-rule-type custom", read=str.lower,
           metavar="TYPE"),
    Option(("--scale-rule-http-concurrency", "--scale-rule-tcp-concurrency"),
           "requests, or connections, one replica takes before another starts", read=readers.positive, metavar="N"),
    Option(("--scale-rule-metadata",), "what the scaler needs to know", read=readers.key_value, repeats=True,
           metavar="KEY=VALUE"),
    Option(("--scale-rule-auth",), "secrets the scaler reads", read=readers.key_value, repeats=True,
           metavar="PARAMETER=SECRET"),
)  # fmt: skip

CONTAINER = (
    Option(("--image",), "a finished image to run in place of a cell", metavar="IMAGE"),
    Option(("--container-name",), "the container (default: the app's name)", metavar="NAME"),
    Option(("--command",), "what the image runs", repeats=True, metavar="WORD"),
    Option(("--args",), "its arguments; --args=-x for one that begins with a dash", repeats=True, metavar="WORD"),
    Option(("--probe",), "startup|readiness|liveness:/PATH[:PORT][,periodSeconds=N ...], or KIND:tcp:PORT",
           read=hosting.read_probe, repeats=True, metavar="PROBE"),
    Option(("--workload-profile-name",), "a workload profile of the environment", metavar="PROFILE"),
    Option(("--workload-profile-type",), "the type of one, such as Consumption-GPU-NC24-A100", metavar="TYPE"),
    Option(("--gpu-type",), "as --gpu, in the words of guides: nvidia-a100", read=readers.gpu_model, metavar="GPU"),
    Option(("--gpu-count",), "GPUs of a replica", read=readers.positive, metavar="N"),
    Option(("--revision-suffix",), "how the new revision's name ends", metavar="SUFFIX"),
    Option(("--termination-grace-period",), "seconds a replica has to end", read=readers.positive, metavar="N"),
)  # fmt: skip

INGRESS = (
    Option(("--ingress",), "who reaches it: anyone, or the environment alone", values=hosting.INGRESSES),
    Option(("--target-port",), "the port the image listens at", read=readers.port, metavar="PORT"),
    Option(("--exposed-port",), "the port of the environment that a TCP app takes", read=readers.port, metavar="PORT"),
    Option(("--transport",), "what it speaks (default auto)", values=hosting.TRANSPORTS),
    _switch("--allow-insecure", "answer plain http as well"),
)  # fmt: skip

SURROUNDINGS = (
    Option(("--registry-server",), "the registry of the image", metavar="SERVER"),
    Option(("--registry-identity",), "who pulls it: system, or an identity's id", metavar="ID"),
    Option(("--revisions-mode",), "how many revisions may be active", values=hosting.REVISIONS_MODES),
    _switch("--system-assigned", "give the app an identity of its own"),
    Option(("--user-assigned",), "identities it also has, by name or id", repeats=True, metavar="ID"),
    _switch("--enable-dapr", "run the Dapr sidecar"),
    Option(("--dapr-app-id",), "the name Dapr knows the app by", metavar="ID"),
    Option(("--dapr-app-port",), "where Dapr calls the app", read=readers.port, metavar="PORT"),
    Option(("--dapr-app-protocol",), "how", values=hosting.PROTOCOLS),
    Option(("--dapr-http-max-request-size",), "the largest request, in MB", read=readers.positive, metavar="MB"),
    Option(("--dapr-http-read-buffer-size",), "the largest headers, in KB", read=readers.positive, metavar="KB"),
    Option(("--dapr-log-level",), "what the sidecar logs", values=hosting.LOG_LEVELS),
    _switch("--dapr-enable-api-logging", "log each call of Dapr"),
    Option(("--tags",), "tags of the resource", read=readers.key_value, repeats=True, metavar="KEY=VALUE"),
)  # fmt: skip

HOSTING = (*CONTAINER, *INGRESS, *SCALE, *SURROUNDINGS)
