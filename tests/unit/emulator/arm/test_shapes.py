from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.emulator.arm.shapes import APP_CONFIGURATION, APP_TEMPLATE, RESOURCE, shaped
from aca_notebook.emulator.wire import AzureError


def test_numbers_and_booleans_written_as_texts_are_read_as_what_they_mean() -> None:
    traffic = [{"latestRevision": "true", "weight": "50"}]
    read = shaped({"ingress": {"traffic": traffic}}, APP_CONFIGURATION, "properties.configuration")
    assert read == {"ingress": {"traffic": [{"latestRevision": True, "weight": 50}]}}


def test_what_no_table_names_passes_as_it_is() -> None:
    assert shaped({"later": [1, {"a": None}]}, APP_TEMPLATE, "properties.template") == {"later": [1, {"a": None}]}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        pytest.param({"containers": "x"}, "'p.containers'", id="a text for a list"),
        pytest.param({"containers": [None]}, "'p.containers[0]'", id="a null in a list"),
        pytest.param({"containers": [{}, {"image": 1}]}, "'p.containers[1].image'", id="a number for a text"),
        pytest.param({"containers": [{"args": ["a", None]}]}, "'p.containers[0].args[1]'", id="a null in texts"),
        pytest.param({"scale": {"maxReplicas": 0.5}}, "'p.scale.maxReplicas'", id="half a replica"),
        pytest.param({"scale": {"rules": [{"http": {"metadata": {"a": 1}}}]}}, "'p.scale.rules[0].http.metadata.a'",
                     id="a number in a map of texts"),
    ],
)  # fmt: skip
def test_another_type_is_refused_with_its_place_and_without_its_value(body: Any, place: str) -> None:
    with pytest.raises(AzureError, match="InvalidRequestContent") as refused:
        shaped(body, APP_TEMPLATE, "p")
    assert refused.value.message.endswith(f"Path {place}.")


def test_a_member_that_must_be_there_is_missed_by_name() -> None:
    with pytest.raises(AzureError, match=r"required property 'port' not found. Path 'p\.containers\[0\]\.probes"):
        shaped({"containers": [{"probes": [{"httpGet": {"path": "/"}}]}]}, APP_TEMPLATE, "p")


@pytest.mark.parametrize("body", [{"tags": "x"}, {"tags": {"a": 1}}, {"properties": []}, {"identity": {"type": 1}}])
def test_what_every_resource_has_is_shaped_alike(body: dict[str, Any]) -> None:
    with pytest.raises(AzureError, match="InvalidRequestContent"):
        shaped(body, RESOURCE, "")
