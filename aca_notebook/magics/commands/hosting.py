"""Flags of hosting as the library takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.errors import UsageFailed
from aca_notebook.model.hosting import CONCURRENT, Dapr, Hosting, ScaleRule

if TYPE_CHECKING:
    from aca_notebook.magics.subcommands.hosting import HostingFlags

_REFERENCE = "secretref:"


def options(given: HostingFlags) -> dict[str, Any]:
    """Return what `deploy` takes of them: hosting, how many GPUs, variables, and variables that read a secret."""
    plain = {name: value for name, value in given.env_vars.items() if not value.startswith(_REFERENCE)}
    referred = {
        name: value.removeprefix(_REFERENCE) for name, value in given.env_vars.items() if value.startswith(_REFERENCE)
    }
    gpus = given.gpu_count or int(bool(given.gpu_type))
    return {"hosting": hosting(given), "gpu_count": gpus, "env": plain, "secrets": referred}


def hosting(given: HostingFlags) -> Hosting:
    """Return how the app is to be hosted. Raises `UsageFailed` for flags that say nothing without another."""
    ingress = given.ingress or ("external" if given.image and getattr(given, "public", False) else "")
    return Hosting(
        image=given.image, container_name=given.container_name, command=given.command, args=given.args,
        registry_server=given.registry_server, registry_identity=given.registry_identity,
        ingress=ingress, target_port=given.target_port, exposed_port=given.exposed_port,
        transport=given.transport, allow_insecure=given.allow_insecure,
        revisions_mode=given.revisions_mode, revision_suffix=given.revision_suffix,
        probes=given.probe, scale_rule=rule(given), dapr=_dapr(given),
        workload_profile=given.workload_profile_name, workload_profile_type=given.workload_profile_type,
        system_assigned=given.system_assigned, user_assigned=given.user_assigned, tags=dict(given.tags),
        termination_grace_period=given.termination_grace_period,
    )  # fmt: skip


def rule(given: HostingFlags) -> ScaleRule | None:
    """Return the scale rule of the flags, None without one."""
    told = given.scale_rule_http_concurrency or given.scale_rule_metadata or given.scale_rule_auth
    if not given.scale_rule_name:
        if told or given.scale_rule_type:
            raise UsageFailed(
                "a scale rule has a name", code="UsageError", hint="add --scale-rule-name, such as http-scaling"
            )
        return None
    named = given.scale_rule_type or "http"
    type_ = given.scale_rule_custom_type or named if named == "custom" else named
    metadata = dict(given.scale_rule_metadata)
    if type_ in CONCURRENT and given.scale_rule_http_concurrency:
        metadata[CONCURRENT[type_]] = str(given.scale_rule_http_concurrency)
    elif given.scale_rule_http_concurrency:
        raise UsageFailed(
            f"a rule of type {type_} counts no requests", code="UsageError",
            hint="leave --scale-rule-http-concurrency out: what it counts goes into --scale-rule-metadata",
        )  # fmt: skip
    return ScaleRule(given.scale_rule_name, type_, metadata, dict(given.scale_rule_auth))


def _dapr(given: HostingFlags) -> Dapr | None:
    told = given.dapr_app_id or given.dapr_app_port or given.dapr_app_protocol or given.dapr_log_level
    if told and not given.enable_dapr:
        raise UsageFailed("these are settings of Dapr, which is off", code="UsageError", hint="add --enable-dapr")
    if not given.enable_dapr:
        return None if given.enable_dapr is None else Dapr(enabled=False)
    return Dapr(
        given.dapr_app_id, given.dapr_app_port, given.dapr_app_protocol, given.dapr_http_max_request_size,
        given.dapr_http_read_buffer_size, given.dapr_log_level, given.dapr_enable_api_logging,
    )  # fmt: skip
