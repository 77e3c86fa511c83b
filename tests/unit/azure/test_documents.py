"""Documents become values, and tags go both ways."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.azure import documents
from aca_notebook.azure.target import Target
from aca_notebook.model.app import Tags
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_T4
from aca_notebook.model.revision import ContainerState

TARGET = Target(
    name="local", subscription_id="s", resource_group="g", environment="e", location="eastus", registry="r",
    registry_server="r.azurecr.io", credential=lambda _: None, app_scheme="http",
)  # fmt: skip
DOCUMENT = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerapps/scorer",
    "location": "East US",
    "tags": {"aca-notebook-digest": "sha256:abc", "team": "ours"},
    "systemData": {"createdAt": "2025-05-24T17:20:33.3640026"},
    "properties": {
        "provisioningState": "Succeeded",
        "environmentId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e",
        "workloadProfileName": "GPU-T4",
        "latestRevisionName": "scorer--0000001",
        "configuration": {"ingress": {"fqdn": "127.0.0.1:8400"}},
        "template": {
            "containers": [{"image": "r/scorer:1", "resources": {"cpu": 8, "memory": "56Gi"}}],
            "scale": {"minReplicas": None, "maxReplicas": 3, "rules": [
                {"name": "http", "http": {"metadata": {"concurrentRequests": "25"}}},
            ]},
        },
    },
}  # fmt: skip


def test_an_app_is_read_with_its_gpu_from_the_environments_profile():
    state = documents.read_app(DOCUMENT, TARGET, {"gpu-t4": SERVERLESS_T4})
    assert (state.name, state.url, state.environment) == ("scorer", "http://127.0.0.1:8400", "e")
    assert (state.gpu, state.gpus, state.cpu_cores, state.memory_bytes) == ("T4", 1, 8.0, 56 * 2**30)
    assert (state.min_replicas, state.max_replicas, state.concurrency, state.cooldown_seconds) == (0, 3, 25, 300.0)
    assert state.created_at == datetime(2025, 5, 24, 17, 20, 33, 364002, UTC)
    assert state.tags == Tags(digest="sha256:abc")


def test_an_app_with_neither_ingress_nor_template_is_read():
    bare = {"id": DOCUMENT["id"], "properties": {"configuration": None, "template": {"containers": None}}}
    state = documents.read_app(bare, TARGET, {})
    assert (state.url, state.gpu, state.image) == ("", "", "")


YEAR_2000 = datetime.fromisoformat("2000-01-01")
words = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), max_size=12)


@given(
    owner=words, digest=words, functions=st.lists(words.filter(bool), max_size=4), public=st.booleans(),
    expires=st.none() | st.datetimes(YEAR_2000, timezones=st.just(UTC)),
)  # fmt: skip
def test_tags_come_back_as_they_were_written(owner, digest, functions, public, expires):
    tags = Tags(owner=owner, digest=digest, functions=tuple(functions), public=public, expires_at=expires)
    assert documents.read_tags(documents.write_tags(tags)) == tags


def test_a_tag_never_holds_more_than_azure_takes():
    tags = Tags(functions=tuple(f"function_{i}" for i in range(100)), notebook="n" * 300, example="x" * 300)
    written = documents.write_tags(tags)
    assert max(len(value) for value in written.values()) <= 256
    assert written[documents.FUNCTIONS].endswith(tuple("0123456789")), "no name is cut in the middle"
    assert documents.EXAMPLE not in written, "half a JSON body is none"


def test_a_broken_expiry_is_no_expiry():
    assert documents.read_tags({documents.EXPIRES: "tomorrow"}).expires_at is None


def test_profiles_we_do_not_know_are_left_out():
    environment = {"properties": {"workloadProfiles": [
        {"name": "Consumption", "workloadProfileType": "consumption"}, {"name": "x", "workloadProfileType": "Flex"},
    ]}}  # fmt: skip
    assert documents.read_profiles(environment) == {"Consumption": CONSUMPTION}


def recorded(name: str) -> list[dict]:
    folder = os.environ.get("ACA_NOTEBOOK_RECORDINGS")
    if not folder:
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail("ACA_NOTEBOOK_RECORDINGS is not set")
        pytest.skip("needs ACA_NOTEBOOK_RECORDINGS, a folder of recorded Azure traffic")
    return yaml.safe_load((Path(folder) / f"{name}.yaml").read_text())["interactions"]


def bodies(name: str, ending: str) -> list[dict]:
    """JSON bodies of recorded GETs whose path ends so."""
    import json

    found = []
    for each in recorded(name):
        path = each["uri"].split("?")[0].rstrip("/")
        if each["method"] == "GET" and each["status"]["code"] == 200 and path.lower().endswith(ending):
            body = each["response_body"]
            found.append(json.loads(body) if isinstance(body, str) else body)
    return found


def test_every_recorded_app_is_read():
    apps = [body for body in bodies("app_e2e", "containerapps/containerapp000003") if body] or [
        entry for body in bodies("app_e2e", "containerapps") for entry in body["value"]
    ]
    assert apps
    for app in apps:
        state = documents.read_app(app, TARGET, {"consumption": CONSUMPTION})
        assert state.provisioning_state
        assert state.created_at is not None


def test_recorded_replicas_are_read():
    listings = [body for body in bodies("replica_commands", "/replicas") if body.get("value")]
    assert listings
    replica = documents.read_replica(listings[-1]["value"][0])
    assert isinstance(replica.containers[0], ContainerState)
    assert replica.containers[0].log_stream_endpoint.endswith("/logstream")
