"""Application Insights components and what is sent to them: SDK, ingestion, tables."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.applicationinsights.v2020_02_02 import ApplicationInsightsManagementClient
from azure.mgmt.applicationinsights.v2020_02_02.models import ApplicationInsightsComponent, TagsResource

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for what leaves nothing behind."""
    with running_emulator(tmp_path_factory.mktemp("traces") / "emulator") as made:
        yield made


TRACE = "0af7651916cd43dd8448eb211c80319c"


def component(emulator: Running, name: str = "traces") -> dict[str, Any]:
    path = f"{emulator.group}/providers/Microsoft.Insights/components/{name}"
    body = {"location": "eastus", "kind": "web", "properties": {"Application_Type": "web"}}
    answer = emulator.ask("PUT", path, body, params={"api-version": "2020-02-02"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def envelope(emulator: Running, key: str, kind: str, base: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """As exporters write one; `seconds_ago` is how old it is."""
    at = emulator.clock.now() - timedelta(seconds=changed.pop("seconds_ago", 1))
    return {
        "ver": 1, "name": f"Microsoft.ApplicationInsights.{kind}", "time": at.isoformat().replace("+00:00", "Z"),
        "iKey": key, "tags": {"ai.operation.id": TRACE, "ai.cloud.role": "scorer", "ai.operation.parentId": "1" * 16},
        "data": {"baseType": f"{kind}Data", "baseData": {"ver": 2, **base}},
    } | changed  # fmt: skip


def request_item(emulator: Running, key: str, **changed: Any) -> dict[str, Any]:
    base = {"id": "b7ad6b7169203331", "name": "POST /score", "duration": "0.00:00:01.250", "success": True,
            "responseCode": "200", "properties": {"aca.call_id": "c1"}}  # fmt: skip
    return envelope(emulator, key, "Request", base | changed.pop("base", {}), **changed)


def track(emulator: Running, body: bytes, path: str = "/v2.1/track", **headers: str) -> requests.Response:
    url = emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"] + path
    return requests.post(url, data=body, headers=headers, timeout=10)


def asked(emulator: Running, kql: str) -> list[list[Any]]:
    logs = emulator.ask("GET", emulator.environment_id).json()["properties"]["appLogsConfiguration"]
    customer = logs["logAnalyticsConfiguration"]["customerId"]
    told = emulator.environment
    answer = requests.post(
        f"{told['AZURE_RESOURCE_MANAGER_HTTP_URL']}/{told['AZURE_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials", "client_id": told["AZURE_CLIENT_ID"],
            "client_secret": told["AZURE_CLIENT_SECRET"], "scope": "https://api.loganalytics.io/.default",
        },
        timeout=10,
    )  # fmt: skip
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    found = emulator.ask("POST", f"/v1/workspaces/{customer}/query", {"query": kql}, headers=token, params={})
    assert found.status_code == 200, found.text
    return found.json()["tables"][0]["rows"]


def test_a_component_is_made_read_listed_tagged_and_deleted_by_the_sdk(
    sdk: Callable[[type], Any], emulator: Running
) -> None:
    client = sdk(ApplicationInsightsManagementClient).components
    wanted = ApplicationInsightsComponent(location="East US", kind="web", application_type="web")
    made = client.create_or_update("local", "traces", wanted)
    assert made.workspace_resource_id.endswith("/workspaces/local")
    assert (made.ingestion_mode, made.provisioning_state, made.retention_in_days) == ("LogAnalytics", "Succeeded", 90)
    port = emulator.emulator.endpoint.port
    assert made.connection_string == (
        f"InstrumentationKey={made.instrumentation_key};IngestionEndpoint=https://127.0.0.1:{port}/;"
        f"LiveEndpoint=https://127.0.0.1:{port}/;ApplicationId={made.app_id}"
    )
    again = client.create_or_update("local", "traces", wanted)
    assert (again.instrumentation_key, again.app_id) == (made.instrumentation_key, made.app_id)
    client.update_tags("local", "traces", TagsResource(tags={"owner": "a"}))
    assert client.get("local", "traces").tags == {"owner": "a"}
    assert [each.name for each in client.list()] == ["traces"]
    assert [each.name for each in client.list_by_resource_group("local")] == ["traces"]
    client.delete("local", "traces")
    assert list(client.list()) == []


def test_a_component_needs_a_workspace_that_is_there(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(ApplicationInsightsManagementClient).components
    elsewhere = f"{emulator.group}/providers/Microsoft.OperationalInsights/workspaces/none"
    wanted = ApplicationInsightsComponent(location="eastus", kind="web", workspace_resource_id=elsewhere)
    with pytest.raises(HttpResponseError, match="could not be found"):
        client.create_or_update("local", "traces", wanted)


def test_what_is_sent_is_found_in_the_tables_of_the_workspace(emulator: Running) -> None:
    key = component(emulator)["properties"]["InstrumentationKey"]
    failed = {"exceptions": [{"typeName": "ValueError", "message": "no", "hasFullStack": True, "stack": "Traceback"}]}
    dependency = {"name": "load", "duration": "00:00:00.5", "success": True, "type": "InProc", "id": "c" * 16}
    items = [
        request_item(emulator, key),
        envelope(emulator, key, "RemoteDependency", dependency),
        envelope(emulator, key, "Message", {"message": "hello", "severityLevel": "Warning"}),
        envelope(emulator, key, "Exception", failed),
        envelope(emulator, key, "Event", {"name": "sold", "measurements": {"eur": 2.5}}),
        envelope(emulator, key, "Metric", {"metrics": [{"name": "depth", "value": 3}]}),
    ]
    answer = track(emulator, json.dumps(items).encode())
    assert (answer.status_code, answer.json()["itemsAccepted"], answer.json()["errors"]) == (200, 6, [])
    rows = asked(
        emulator, f"AppRequests | where OperationId == '{TRACE}' | project Id, Name, DurationMs, Success, "
        "ResultCode, AppRoleName, ParentId, tostring(Properties['aca.call_id']), PerformanceBucket",
    )  # fmt: skip
    assert rows == [["b7ad6b7169203331", "POST /score", 1250.0, True, "200", "scorer", "1" * 16, "c1", "1sec-3sec"]]
    assert asked(emulator, "AppDependencies | project Name, DependencyType, DurationMs") == [["load", "InProc", 500.0]]
    assert asked(emulator, "AppTraces | project Message, SeverityLevel") == [["hello", 2]]
    assert asked(emulator, "AppExceptions | project ExceptionType, OuterMessage, ProblemId") == [
        ["ValueError", "no", "ValueError"]
    ]
    assert asked(emulator, "AppEvents | project Name, todouble(Measurements['eur'])") == [["sold", 2.5]]
    assert asked(emulator, "AppMetrics | project Name, Sum, ValueCount") == [["depth", 3.0, 1]]
    everything = asked(emulator, "union AppRequests, AppDependencies | summarize n = count() by OperationId")
    assert everything == [[TRACE, 2]]
    assert key not in json.dumps(asked(emulator, "AppRequests"))


@pytest.mark.parametrize("path", ["/v2/track", "/v2.1/track", "//v2.1/track"])
def test_lines_and_gzip_are_read_as_well_as_an_array(emulator: Running, path: str) -> None:
    key = component(emulator)["properties"]["InstrumentationKey"]
    lines = b"\n".join(json.dumps(request_item(emulator, key)).encode() for _ in range(3))
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/x-json-stream"}
    answer = track(emulator, gzip.compress(lines), path, **packed)
    assert (answer.status_code, answer.json()["itemsAccepted"]) == (200, 3)
    assert asked(emulator, "AppRequests | count") == [[3]]


def test_what_is_wrong_with_one_item_costs_no_other(emulator: Running) -> None:
    key = component(emulator)["properties"]["InstrumentationKey"]
    items = [
        request_item(emulator, key),
        request_item(emulator, "00000000-0000-0000-0000-000000000000"),
        request_item(emulator, key, seconds_ago=3 * 86400),
        envelope(emulator, key, "Exception", {"exceptions": [{"typeName": "E"}]}),
        envelope(emulator, key, "Unheard", {}),
        "no object",
    ]
    answer = track(emulator, json.dumps(items).encode())
    told = {each["index"]: (each["statusCode"], each["message"]) for each in answer.json()["errors"]}
    assert (answer.status_code, answer.json()["itemsReceived"], answer.json()["itemsAccepted"]) == (206, 6, 1)
    assert told[1] == (400, "Invalid instrumentation key")
    assert told[2][1].startswith("103: Field 'time' on type 'Envelope' is older than the allowed min date.")
    assert told[3][1].startswith("109: Field 'message' on type 'ExceptionDetails' is required but missing or empty.")
    assert set(told) == {1, 2, 3, 4, 5}
    assert asked(emulator, "AppRequests | count") == [[1]]


def test_only_a_key_of_a_component_lets_anything_in(emulator: Running) -> None:
    known = component(emulator)["properties"]["InstrumentationKey"]
    for key in ("", None, 1, "x", "00000000-0000-0000-0000-000000000000", emulator.environment["ACCESS_TOKEN"]):
        answer = track(emulator, json.dumps([request_item(emulator, key)]).encode())
        assert (answer.status_code, answer.json()["itemsAccepted"]) == (400, 0), key
    path = f"{emulator.group}/providers/Microsoft.Insights/components/traces"
    assert emulator.ask("DELETE", path, params={"api-version": "2020-02-02"}).status_code == 200
    assert track(emulator, json.dumps([request_item(emulator, known)]).encode()).status_code == 400
    assert asked(emulator, "AppRequests | count") == [[0]]


@pytest.mark.parametrize("body", [b"[", b"{}", b"\xff\xfe", b"[" * 100_000, b'"text"', b"[NaN]", b'["\\ud800"]'])
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "br"])
def test_a_body_that_is_no_telemetry_is_refused_in_the_services_form(
    running: Running, body: bytes, encoding: str
) -> None:
    answer = track(running, body, **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["itemsAccepted"]) == (400, 0)


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(running: Running) -> None:
    packed = gzip.compress(bytes(80 * 2**20))
    answer = track(running, packed, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, "the body is too large")


def test_live_metrics_are_told_that_nobody_watches(emulator: Running) -> None:
    made = component(emulator)["properties"]
    assert track(emulator, b"", "/QuickPulseService.svc/ping").headers["x-ms-qps-subscribed"] == "false"
    url = emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"]
    found = requests.get(f"{url}/api/profiles/{made['InstrumentationKey']}/appId", timeout=10)
    assert found.text == made["AppId"]
    assert requests.get(f"{url}/api/profiles/x/appId", timeout=10).status_code == 404


def test_the_key_stands_in_no_file_of_the_emulator(emulator: Running) -> None:
    key = component(emulator)["properties"]["InstrumentationKey"]
    assert track(emulator, json.dumps([request_item(emulator, key)]).encode()).status_code == 200
    files = [each for each in emulator.emulator.settings.data_dir.rglob("*") if each.is_file()]
    assert [each for each in files if key.encode() in each.read_bytes()] == []


def test_ingestion_is_throttled_when_a_bad_day_names_it(emulator: Running) -> None:
    key = component(emulator)["properties"]["InstrumentationKey"]
    body = json.dumps([request_item(emulator, key)]).encode()
    posted = emulator.control("POST", "faults", {"fault": "throttle on=Ingestion_Track retry_after=7 count=1"})
    assert posted.status_code in {200, 201}, posted.text
    throttled = track(emulator, body)
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "7")
    assert track(emulator, body).status_code == 200
    assert asked(emulator, "AppRequests | count") == [[1]]
