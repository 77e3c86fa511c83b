"""Schemathesis over the emulator's description of itself: what it may ask, with which keys, and what it found.

All phases run in the engine that its command line runs. Values are made from the description; some places are filled
with what is there, so that requests get past the door of a noun.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.emulator.furnished import IMAGE, furnish
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


#: What a fuzzer must not call, and why.
LEFT_OUT = {
    "Emulator_AddFault": "what it makes go wrong would be found",
    "Emulator_SetPace": "it would make all else slow",
    "Emulator_RemovePrincipal": "it would take the run's own key away",
    "Emulator_Stop": "it would end the run",
    "Emulator_AdvanceClock": "the keys would expire; the state machine of tests/property moves time",
    "Metrics_List": "it waits for the next look at what runs, on a clock that stands still",
    "Metrics_Batch": "so does it",
    "Emulator_RegisterInterpreter": "it starts the program at the path that it is given",
    "LogStream": "it does not end while its container runs",
    "JobLogStream": "it does not end while its container runs",
    "EventStream": "it does not end",
    "EnvironmentEventStream": "it does not end",
}
#: Checks that ask what a description cannot promise of Azure's API.
UNFIT = {
    # A rule that is no schema's matter (a name that is taken, a total of cores) refuses with 400.
    "positive_data_acceptance": {"enabled": False},
    # Resource Manager asks for no header that is not its door's.
    "missing_required_header": {"enabled": False},
    # It is of an address, and templates overlap: `/secrets/restore` is a name too.
    "allow_header_conformance": {"enabled": False},
    "unsupported_method": {"enabled": False},
}
CHECKS = {
    "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "501"]},
    "negative_data_rejection": {"expected-statuses": ["4xx", "501"]},
}
_MANUAL = {"triggerType": "Manual", "replicaTimeout": 60}
#: Operations that need a template, and what must stand in their configuration.
_RUN: dict[str, dict[str, Any]] = {
    "ContainerApps_CreateOrUpdate": {}, "ContainerApps_Update": {}, "Jobs_CreateOrUpdate": _MANUAL,
    "Jobs_Update": _MANUAL,
}  # fmt: skip
#: Words before a name that is looked up and never made under it.
_LOOKED_UP = frozenset({"revisions", "executions", "locations", "replicas"})


@dataclass
class Findings:
    """What a run came to."""

    requests: int = 0
    failures: dict[str, str] = field(default_factory=dict)  #: by check and operation, the first of each in words
    errors: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        said = [f"{each}\n{text}" for each, text in sorted(self.failures.items())]
        return "\n\n".join(["", *said, *self.errors])


def fuzz(
    emulator: Running, *, examples: int, seed: int, phases: tuple[str, ...], only: str = "",
    known: Mapping[str, str] | None = None, all_checks: bool = True, part: tuple[int, int] = (0, 1),
    tell: Callable[[str], object] = lambda _: None,
) -> Findings:  # fmt: skip
    """Run `phases` with so many examples of each operation; `only` picks operations by a part of their id.

    `known` are names of what is there, by the word before them in a path: without, names are made up as bodies are.
    Without `all_checks`, what other tests hold is left out: operations that only refuse, and doors. `part` is which of
    how many parts of the paths; `tell` hears of what is found as it is.
    """
    document = emulator.control("GET", "openapi.json").json()
    document = _without(document, only, refused=all_checks, part=part)
    settings = configuration(emulator, examples=examples, seed=seed, phases=phases)
    settings["checks"]["ignored_auth"] = {"enabled": all_checks}
    if known:
        settings["operations"] = names(document, known)
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(settings))

    @schema.hook
    def map_body(context: Any, body: Any) -> Any:
        return filled(context.operation.definition.raw["operationId"], body, emulator)

    found = Findings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Hypothesis tells of slow data, and the run's budget is fixed
        for event in from_schema(schema).execute():
            before = len(found.failures)
            _take(found, event)
            for name in list(found.failures)[before:]:
                tell(f"{found.requests} requests: {name}\n{found.failures[name]}\n")
    return found


def configuration(emulator: Running, *, examples: int, seed: int, phases: tuple[str, ...]) -> dict[str, Any]:
    """Return schemathesis's settings."""
    names = ("examples", "coverage", "fuzzing", "stateful")
    return {
        "seed": seed,
        "base-url": emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"],
        "continue-on-failure": True,
        "suppress-health-check": ["all"],
        "request-timeout": 60,
        "auth": {"openapi": keys(emulator)},
        "parameters": parameters(emulator),
        "generation": {"max-examples": examples, "database": "none", "no-shrink": True, "codec": "utf-8"},
        "checks": UNFIT | CHECKS,
        "phases": {name: {"enabled": name in phases} for name in names},
    }


def keys(emulator: Running) -> dict[str, Any]:
    """Return what opens each door, by the description's own names for them."""
    here = emulator.environment
    issuer, whose = emulator.emulator._issuer, emulator.emulator.client.object_id
    audiences = {
        "graph": "https://graph.microsoft.com", "vault": "https://vault.azure.net",
        "logs": "https://api.loganalytics.io", "data-plane": "https://azurecontainerapps.dev",
        "sessions": "https://dynamicsessions.io",
    }  # fmt: skip
    return {
        "arm": {"bearer": here["ACCESS_TOKEN"]},
        "control": {"bearer": emulator.emulator.control_token},
        **{door: {"bearer": issuer.issue(audience, subject=whose)} for door, audience in audiences.items()},
        "identity-header": {"api_key": here["IDENTITY_HEADER"]},
    }


def parameters(emulator: Running) -> dict[str, Any]:
    """Return what stands in every path: the one subscription there is, a group and an environment that are there."""
    return {
        "path.subscription": emulator.environment["AZURE_SUBSCRIPTION_ID"],
        "query.api-version": "2025-07-01",
    }


def names(document: dict[str, Any], known: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what stands in each path: what is there above a noun, and one new name for the noun itself."""
    settings = []
    for path, operations in document["paths"].items():
        words = path.split("/")
        for method, operation in operations.items():
            chosen: dict[str, str] = {}
            for before, word in itertools.pairwise(words):
                if word.startswith("{"):
                    own = word == words[-1] and method != "post" and before not in _LOOKED_UP
                    stands = "fuzzed1" if own else known.get(before)
                    if stands is not None:
                        chosen[f"path.{word[1:-1]}"] = stands
            settings.append({"include-operation-id": operation["operationId"], "parameters": chosen})
    return settings


def filled(operation: str, body: Any, emulator: Running) -> Any:
    """Put what is there into the places that only what is there can fill; what is of a wrong type stays wrong."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("location"), str):
        body["location"] = "eastus"
    properties = body.setdefault("properties", {}) if operation in _RUN else body.get("properties")
    if not isinstance(properties, dict):
        return body
    if isinstance(properties.get("environmentId", ""), str):
        properties["environmentId"] = emulator.environment_id
    for profile in _objects(properties.get("workloadProfiles")):
        if isinstance(profile.get("workloadProfileType"), str):
            profile["workloadProfileType"] = "D4"
    if operation in _RUN:
        _fill_template(properties, _RUN[operation])
    return body


def _fill_template(properties: dict[str, Any], configuration: dict[str, Any]) -> None:
    template = properties.setdefault("template", {})
    if isinstance(template, dict):
        containers = template.setdefault("containers", [{}])
        for number, container in enumerate(_objects(containers)):
            _fill_container(container, number)
        if containers == []:
            containers.append({"name": "main", "image": IMAGE})
    chosen = properties.setdefault("configuration", {})
    if isinstance(chosen, dict):
        for name, value in configuration.items():
            chosen.setdefault(name, value)


def _fill_container(container: dict[str, Any], number: int) -> None:
    for name, value in (("name", f"main{number}"), ("image", IMAGE)):
        if isinstance(container.get(name, ""), str):
            container[name] = value
    if isinstance(container.get("resources"), dict) and isinstance(container["resources"].get("memory", ""), str):
        container["resources"] = {"cpu": 0.5, "memory": "1Gi"}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _without(document: dict[str, Any], only: str, *, refused: bool, part: tuple[int, int]) -> dict[str, Any]:
    paths = {}
    for path, operations in list(document["paths"].items())[part[0] :: part[1]]:
        # All of a path or nothing: methods that a description does not have are tried too.
        if not any(each["operationId"] in LEFT_OUT for each in operations.values()):
            kept = {
                method: each
                for method, each in operations.items()
                if only in each["operationId"] and (refused or not _refuses(each))
            }
            paths |= {path: kept} if kept else {}
    kept_ids = {each["operationId"] for operations in paths.values() for each in operations.values()}
    for operations in paths.values():
        for operation in operations.values():
            for response in operation["responses"].values():
                links = response.get("links", {})
                response["links"] = {name: link for name, link in links.items() if link["operationId"] in kept_ids}
    return document | {"paths": paths}


def _refuses(operation: dict[str, Any]) -> bool:
    return "501" in operation["responses"] and not any(status < "3" for status in operation["responses"])


def _take(found: Findings, event: Any) -> None:
    if isinstance(event, events.NonFatalError):
        found.errors.append(f"{event.phase} {event.label}: {event.value!r}")
    if isinstance(event, events.FatalError):
        raise event.exception
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    found.phases[str(event.phase)] += len(recorder.interactions)
    found.requests += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            found.statuses[str(interaction.response.status_code)] += 1
    for case_id, checks in recorder.checks.items():
        operation = recorder.cases[case_id].value.operation.label
        found.operations.add(operation)
        for name, text in _failed(recorder, case_id, checks):
            found.failures.setdefault(f"{name} | {operation} | {event.phase}", text)


def _failed(recorder: Any, case_id: str, checks: Any) -> Iterator[tuple[str, str]]:
    for check in checks:
        if check.failure_info is not None:
            failure = check.failure_info.failure
            response = recorder.find_response(case_id=case_id)
            body = response.text[:300] if response is not None else ""
            yield (
                f"{check.name}: {failure.title}",
                f"{failure.message[:400]}\n{check.failure_info.code_sample[:900]}\n{body}",
            )


def main(examples: int, seed: int) -> int:
    """Fuzz every operation in all phases, say what came of it; returns the status to exit with."""
    with tempfile.TemporaryDirectory() as folder, running_emulator(Path(folder) / "emulator") as emulator:
        known = furnish(emulator)
        found = fuzz(
            emulator, examples=examples, seed=seed, phases=("examples", "fuzzing", "stateful", "coverage"), known=known,
            tell=sys.stdout.write,
        )  # fmt: skip
    sys.stdout.write(f"{found.requests} requests of {len(found.operations)} operations, seed {seed}\n")
    sys.stdout.write(f"by phase {dict(found.phases)}, by status {dict(found.statuses)}\n{found.errors or ''}\n")
    return 1 if found.failures or found.errors else 0


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in sys.argv[1:3])))
