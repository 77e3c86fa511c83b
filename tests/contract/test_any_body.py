"""Whatever one value of a body is replaced with: refused in words, or taken and then answered as described.

Every place in a body that uses all the description offers gets every odd value in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import require_folder
from tests.contract.specification import Specification
from tests.contract.test_specification import app_body, environment_body
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = "2025-07-01"
ODD = (None, True, -1, 10**12, 0.3, "", "x", [], ["x"], [None], [{}], {}, {"x": "y"})
REGISTRY = {
    "location": "eastus",
    "sku": {"name": "Basic"},
    "tags": {"a": "b"},
    "properties": {"adminUserEnabled": True, "anonymousPullEnabled": False},
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("odd") / "emulator") as running:
        yield running


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification(next(require_folder("ACA_NOTEBOOK_SPECIFICATION").glob(f"*{VERSION}*.json")))


@pytest.mark.timeout(300)
def test_an_odd_value_anywhere_in_an_app_is_refused_or_answered_as_described(
    emulator: Running, specification: Specification
) -> None:
    body = app_body(emulator.environment_id)
    body["properties"]["workloadProfileName"] = "Consumption"
    assert not _problems(emulator, specification, body, lambda n: emulator.app_path(f"odd-{n}"))


@pytest.mark.timeout(300)
def test_an_odd_value_anywhere_in_an_environment_is_refused_or_answered_as_described(
    emulator: Running, specification: Specification
) -> None:
    environments = emulator.environment_id.rpartition("/")[0]
    assert not _problems(emulator, specification, environment_body(), lambda n: f"{environments}/odd-{n}")


@pytest.mark.timeout(120)
def test_an_odd_value_anywhere_in_a_patch_is_refused_or_answered_as_described(
    emulator: Running, specification: Specification
) -> None:
    emulator.deploy("patched")
    path = emulator.app_path("patched")
    whole = app_body(emulator.environment_id)["properties"]
    patch = {"tags": {"a": "b"}, "properties": {"configuration": {"ingress": whole["configuration"]["ingress"]}}}
    schema = specification.response_schema("GET", path, 200) or {}
    found = []
    for place, odd, changed in _each_with_an_odd_value(patch):
        made = emulator.ask("PATCH", path, changed, params={"api-version": VERSION})
        if made.status_code == 202:
            emulator.follow(made)
            shown = emulator.ask("GET", path, params={"api-version": VERSION}).json()
            found += [f"{place} = {odd!r}: {each}" for each in specification.problems(schema, shown)]
        elif made.status_code != 400:
            found.append(f"{place} = {odd!r}: {made.status_code} {made.text[:200]}")
    assert not found


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/providers/Microsoft.ContainerRegistry/registries/odd{}", REGISTRY, id="a registry"),
        pytest.param("/../odd-{}", {"location": "eastus", "tags": {"a": "b"}}, id="a group"),
    ],
)
def test_an_odd_value_anywhere_in_a_neighbour_is_refused_or_kept(emulator: Running, path: str, body: Any) -> None:
    found = []
    for number, (place, odd, changed) in enumerate(_each_with_an_odd_value(body)):
        one = f"{emulator.group}{path.format(number)}".replace("/local/../", "/")
        made = emulator.ask("PUT", one, changed)
        kept = made.status_code in {200, 201} and emulator.ask("GET", one).status_code == 200
        if not kept and made.status_code != 400:
            found.append(f"{place} = {odd!r}: {made.status_code} {made.text[:200]}")
    assert not found


def _problems(
    emulator: Running, specification: Specification, body: dict[str, Any], path_of: Callable[[int], str]
) -> list[str]:
    found: list[str] = []
    for number, (place, odd, changed) in enumerate(_each_with_an_odd_value(body)):
        path = path_of(number)
        made = emulator.ask("PUT", path, changed, params={"api-version": VERSION})
        said = f"{place} = {odd!r}: "
        if made.status_code not in {201, 400, 404}:
            found.append(f"{said}{made.status_code} {made.text[:200]}")
        elif made.status_code != 201:
            error = made.json()["error"]
            found += [] if error["code"] and error["message"] else [f"{said}refused without words"]
        else:
            shown = emulator.ask("GET", path, params={"api-version": VERSION})
            for status, answer in ((201, made), (200, shown)):
                schema = specification.response_schema("PUT" if status == 201 else "GET", path, status)
                found += [f"{said}{status}: {each}" for each in specification.problems(schema or {}, answer.json())]
    return found


def _each_with_an_odd_value(body: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for place, put in _places(body):
        for odd in ODD:
            yield place, odd, put(odd)


def _places(value: Any, at: str = "") -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Each place below a value, with what puts something else there."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:

        def put(other: Any, key: Any = key) -> Any:
            changed = value.copy()
            changed[key] = other
            return changed

        yield f"{at}.{key}", put
        for place, deeper in _places(inner, f"{at}.{key}"):
            yield place, lambda other, put=put, deeper=deeper: put(deeper(other))
