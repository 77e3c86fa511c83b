"""What the unmodified Azure CLI needs of an answer, beyond what the SDKs read; each made a command of it fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.running import Running


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("restart", "Restart succeeded"),
        ("deactivate", "Deactivate succeeded"),
        ("activate", "Activate succeeded"),
    ],
)
def test_what_is_done_to_a_revision_answers_with_a_text_in_json(emulator: Running, action: str, said: str) -> None:
    """`az containerapp revision restart` reads JSON and prints it."""
    name = emulator.deploy()["properties"]["latestRevisionName"]
    answer = emulator.ask("POST", f"{emulator.app_path()}/revisions/{name}/{action}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == said


def resources(emulator: Running, wanted: str) -> set[str]:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask(
        "GET", f"{subscription}/resources", params={"api-version": "2024-11-01", "$filter": wanted}
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return {each["name"] for each in answer.json()["value"]}


def test_resources_are_listed_by_group_type_and_name(emulator: Running) -> None:
    """`az resource list -g`, `--resource-type` and `--name` leave the choice to Azure."""
    emulator.deploy()
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    assert emulator.ask("PUT", f"{subscription}/resourcegroups/empty", {"location": "eastus"}).status_code == 201
    assert resources(emulator, "") == {"scorer", "local"}
    assert resources(emulator, "resourceGroup eq 'empty'") == set()
    assert resources(emulator, "resourceGroup eq 'LOCAL' and name eq 'scorer'") == {"scorer"}
    assert resources(emulator, "resourceType eq 'microsoft.app/containerapps'") == {"scorer"}


def test_a_filter_that_is_not_understood_is_refused_and_not_ignored(emulator: Running) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask(
        "GET", f"{subscription}/resources", params={"api-version": "2024-11-01", "$filter": "tagName eq 'owner'"}
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidFilterInQueryString"


def test_the_domain_verification_id_is_a_bare_text(emulator: Running) -> None:
    """`az containerapp show-custom-domain-verification-id` prints the JSON text it gets."""
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask("POST", f"{subscription}/providers/Microsoft.App/getCustomDomainVerificationId")
    app = emulator.deploy()
    assert answer.json() == app["properties"]["customDomainVerificationId"]
