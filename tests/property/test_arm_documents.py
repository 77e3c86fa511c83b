"""Whatever a client writes: never a crash, and what Azure answers it takes back unchanged."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.arm.app_defaults import created_view, settled_configuration, settled_template
from aca_notebook.emulator.arm.app_rules import check_app, check_tcp
from aca_notebook.emulator.arm.bodies import merge_patch, without_nulls
from aca_notebook.emulator.arm.environment_rules import settled_properties
from aca_notebook.emulator.arm.names import canonical_names
from aca_notebook.emulator.arm.provisioning import revision_name
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.gpu import CONSUMPTION
from aca_notebook.model.ids import environment_id

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SCALARS = st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.sampled_from(
    ["containers", "initContainers", "scale", "rules", "probes", "name", "image", "resources", "cpu", "memory", "env",
     "ingress", "traffic", "weight", "secrets", "registries", "targetPort", "minReplicas", "workloadProfiles", "port",
     "workloadProfileType", "httpGet", "activeRevisionsMode", "vnetConfiguration", "appLogsConfiguration", "tags",
     "stickySessions", "additionalPortMappings", "revisionName", "label", "revisionSuffix", "passwordSecretRef"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=6)

CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.from_regex(r"[a-z]{1,8}", fullmatch=True), "image": st.just("nginx")},
        optional={
            "resources": st.fixed_dictionaries({
                "cpu": st.sampled_from([0.25, 0.5, 1, 2.0, "1.75"]),
                "memory": st.sampled_from(["0.5Gi", "1.0Gi", "2Gi"]),
            }),
            "command": st.lists(st.text(max_size=4), max_size=2),
            "env": st.lists(st.fixed_dictionaries({"name": st.just("A"), "value": st.text(max_size=4)}), max_size=2),
        },
    ),
    min_size=1, max_size=3,
)  # fmt: skip
TEMPLATES = st.fixed_dictionaries(
    {"containers": CONTAINERS},
    optional={
        "scale": st.fixed_dictionaries(
            {}, optional={"minReplicas": st.integers(0, 5), "maxReplicas": st.integers(5, 9)}
        ),
        "revisionSuffix": st.sampled_from(["", "v1"]),
    },
)


@given(OBJECTS)
def test_any_body_is_read_or_refused(body: dict) -> None:
    asked = without_nulls(canonical_names(body))
    with contextlib.suppress(AzureError):
        json.dumps(settled_properties(environment_id("s", "g", "env"), "East US", asked, {}, NOW))
    with contextlib.suppress(AzureError):
        template = {"containers": [{"name": "main", "image": "nginx"}]} | asked
        configuration = settled_configuration(asked, first=True)
        app = {"properties": {"configuration": configuration, "template": settled_template(template, on_gpu=False)}}
        check_app("app", app, CONSUMPTION, set())
        check_tcp(app, {"properties": {}})
        json.dumps(created_view(app, {"configuration": asked, "template": template}))


@given(TEMPLATES)
def test_what_azure_answers_it_takes_back_unchanged(template: dict) -> None:
    settled = settled_template(template, on_gpu=False)
    assert settled_template(without_nulls(settled), on_gpu=False) == settled


@given(TEMPLATES)
def test_the_201_keeps_every_container_that_was_asked_for(template: dict) -> None:
    document = {"properties": {"configuration": settled_configuration({}, first=True),
                               "template": settled_template(template, on_gpu=False)}}  # fmt: skip
    shown = created_view(document, {"template": template})["properties"]["template"]
    assert [each["name"] for each in shown["containers"]] == [each["name"] for each in template["containers"]]


@given(JSON)
def test_names_are_made_canonical_once_and_for_all(value: object) -> None:
    once = canonical_names(value)
    assert canonical_names(once) == once


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_a_merge_patch_once(target: dict, patch: dict) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(OBJECTS)
def test_an_empty_patch_changes_nothing(target: dict) -> None:
    assert merge_patch(target, {}) == target


@given(st.integers(0, 40))
def test_revision_names_never_come_twice(count: int) -> None:
    names: list[str] = []
    for _ in range(count):
        names.append(revision_name("app", "", names, "drawn01"))
    assert len(set(names)) == count
