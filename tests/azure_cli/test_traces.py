"""Application Insights and the activity log, as far as the CLI reaches without an extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator


def test_a_component_is_made_shown_and_sent_to(az: Az, emulator: RealEmulator) -> None:
    az("monitor log-analytics workspace create -n kept")
    kind = "--resource-type Microsoft.Insights/components"
    made = az(f"resource create -n traces {kind} -l eastus --properties", '{"Application_Type": "web"}')
    assert made["properties"]["WorkspaceResourceId"].endswith("/workspaces/kept")
    place = az.text(f"resource show -n traces {kind} --query properties.ConnectionString -o tsv").strip()
    told = dict(part.partition("=")[::2] for part in place.split(";"))
    item = {"name": "x", "time": "2000-01-01T00:00:00Z", "iKey": told["InstrumentationKey"]}
    answer = requests.post(
        f"{told['IngestionEndpoint']}v2.1/track", json=[item], verify=str(emulator.folder / "roots.pem"), timeout=30
    )
    assert answer.json()["itemsReceived"] == 1
    az(f"resource delete -n traces {kind}")
    assert "traces" not in az.text("resource list --query [].name -o tsv").split()


def test_the_activity_log_tells_who_made_what(az: Az, emulator: RealEmulator) -> None:
    az("identity create -n noted")
    events = az("monitor activity-log list --offset 1h")
    (made,) = [
        each for each in events if each["resourceId"].endswith("/noted") and each["status"]["value"] != "Started"
    ]
    assert made["operationName"]["value"] == "Microsoft.ManagedIdentity/userAssignedIdentities/write"
    assert (made["status"]["value"], made["caller"]) == ("Succeeded", emulator.environment["AZURE_CLIENT_ID"])
    of_it = az(f"monitor activity-log list --offset 1h --correlation-id {made['correlationId']}")
    assert [each["status"]["value"] for each in of_it] == ["Succeeded", "Started"]
