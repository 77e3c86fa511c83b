from __future__ import annotations

import pytest

from aca_notebook.emulator.arm.versions import bare_when_created, shown_to

APP = {
    "type": "Microsoft.App/containerApps",
    "properties": {
        "patchingMode": "Automatic",
        "configuration": {"identitySettings": [], "ingress": None},
        "template": {"containers": [{"name": "a", "imageType": "ContainerImage"}], "initContainers": None},
    },
}


@pytest.mark.parametrize(
    ("version", "patching", "identities"),
    [
        ("2023-11-02-preview", False, False),
        ("2024-03-01", False, False),
        ("2024-10-02-preview", True, True),
        ("2025-01-01", False, True),
        ("2025-02-02-preview", True, True),
        ("2026-07-01", False, True),
    ],
)
def test_a_version_shows_the_fields_it_has(version, patching, identities) -> None:
    properties = shown_to(version, APP)["properties"]
    assert ("patchingMode" in properties) is patching
    assert ("imageType" in properties["template"]["containers"][0]) is patching
    assert ("identitySettings" in properties["configuration"]) is identities


def test_the_document_itself_is_left_alone() -> None:
    shown_to("2022-03-01", APP)
    assert APP["properties"]["patchingMode"] == "Automatic"


def test_a_field_may_go_again() -> None:
    registry = {"type": "Microsoft.ContainerRegistry/registries", "properties": {"policies": {"softDeletePolicy": {}}}}
    assert "softDeletePolicy" in shown_to("2023-07-01", registry)["properties"]["policies"]
    assert "softDeletePolicy" not in shown_to("2025-04-01", registry)["properties"]["policies"]


def test_older_versions_show_a_created_app_as_it_will_be() -> None:
    assert not bare_when_created("2024-03-01")
    assert bare_when_created("2025-01-01")
    assert bare_when_created("2024-10-02-preview")
