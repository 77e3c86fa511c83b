"""Every recorded request is put to the emulator; its answers have the shape of Azure's.

A difference is a failure unless `deviations.toml` accepts it, one line each. What the emulator does not offer yet is
listed here by operation, and must be refused clearly: a table that can only shrink.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.comparison import compare
from tests.contract.conftest import folder_named_by, require_folder
from tests.contract.playback import Playback, Played
from tests.contract.recorded import ARM, DATA_PLANE, Names, load
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = "ACA_NOTEBOOK_RECORDINGS"
DEVIATIONS = tomllib.loads(Path(__file__).with_name("deviations.toml").read_text())["deviations"]

_BUILDERS = "cloud builds are not offered yet"
_TASKS = "registry tasks are not offered yet; a build is scheduled by its request"
NOT_OFFERED = {
    "PUT Microsoft.App/builders/*": _BUILDERS,
    "GET Microsoft.App/builders/*": _BUILDERS,
    "GET Microsoft.App/builders": _BUILDERS,
    "PUT Microsoft.App/builders/*/builds/*": _BUILDERS,
    "GET Microsoft.App/builders/*/builds/*": _BUILDERS,
    "POST Microsoft.App/builders/*/builds/*/listAuthToken": _BUILDERS,
    "POST data plane/builders/*/builds/*/upload": _BUILDERS,
    "GET data plane/builders/*/builds/*/logstream": _BUILDERS,
    "PUT Microsoft.ContainerRegistry/registries/*/tasks/*": _TASKS,
    "POST Microsoft.ContainerRegistry/registries/*/tasks/*/listDetails": _TASKS,
    "POST Microsoft.ContainerRegistry/registries/*/importImage": _TASKS,
    "GET Microsoft.ContainerRegistry/locations/*/operationResults/*": _TASKS,
}
#: Hosts that are no part of what is emulated: their requests are left out.
ELSEWHERE = {
    "GET graph.microsoft.com": "Microsoft Graph",
    "POST graph.microsoft.com": "Microsoft Graph",
    "GET api.catalog.azureml.ms": "the catalogue of models",
    "GET ml.azure.com": "the registry of models",
}
#: Images that a recording needs to fail to pull.
UNPULLABLE: dict[str, frozenset[str]] = {}

_folder = folder_named_by(RECORDINGS)
NAMES = sorted(file.stem for file in _folder.glob("*.yaml")) if _folder else []


@pytest.mark.process
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_the_emulator_answers_as_azure_did(name: str, tmp_path: Path) -> None:
    recording = load(require_folder(RECORDINGS) / f"{name}.yaml")
    programs = tmp_path / "programs"
    programs.mkdir()
    emulator = RealEmulator(tmp_path / "emulator", prefix=("env", f"PATH={programs}:{os.environ['PATH']}"))
    missing = UNPULLABLE.get(name, frozenset())
    playback = Playback(recording, emulator, programs=programs, images_missing=missing)
    try:
        playback.prepare()
        problems = [line for played in playback.play(NOT_OFFERED, ELSEWHERE) for line in _problems(name, played)]
    finally:
        playback.close()
        emulator.stop()
    accepted = {_place(each) for each in DEVIATIONS if each["recording"] == name}
    found = {place for place, _ in problems}
    lines = [f"{place[0]}: {place[1]}: {problem}" for place, problem in problems if place not in accepted]
    lines += [f"{place[0]}: {place[1]}: accepted in deviations.toml, but no longer so" for place in accepted - found]
    assert not lines, "\n".join(["", *lines, *_failures(emulator)])


def test_azure_agrees_with_itself_and_no_rule_drops_a_field() -> None:
    """Each recorded answer equals itself, and differs from itself without any one of its values."""
    unseen, tried = [], set()
    for file in require_folder(RECORDINGS).glob("*.yaml"):
        for seen in load(file).interactions:
            if not isinstance(seen.answer.body, dict) or not seen.host.endswith((ARM, DATA_PLANE)):
                continue
            assert not compare(seen, seen.answer, Names()), (file.stem, seen.title)
            for place, body in _with_one_value_less(seen.answer.body):
                if (seen.operation, place) not in tried and seen.operation != "GET resources":  # strangers' too
                    tried.add((seen.operation, place))
                    if not compare(seen, replace(seen.answer, body=body), Names()):
                        unseen.append(f"{file.stem}: {seen.title}: {place}")
    assert len(tried) > 1000
    assert not unseen


def test_every_operation_in_the_tables_is_recorded() -> None:
    folder = require_folder(RECORDINGS)
    seen = {each.operation for file in folder.glob("*.yaml") for each in load(file).interactions}
    assert not {*NOT_OFFERED, *ELSEWHERE} - seen


def test_a_deviation_names_a_recording_once_and_says_why() -> None:
    places = Counter((each["recording"], *_place(each)) for each in DEVIATIONS)
    assert not [place for place, count in places.items() if count > 1]
    assert all(each["reason"] and "*" not in each["field"] for each in DEVIATIONS)


def _with_one_value_less(body: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """The body without one member that is not null, for each such member at any depth."""
    if isinstance(body, dict):
        for key, value in body.items():
            if value is not None:
                yield f"{at}.{key}", {name: each for name, each in body.items() if name != key}
                for place, less in _with_one_value_less(value, f"{at}.{key}"):
                    yield place, {**body, key: less}
    elif isinstance(body, list):
        for number, value in enumerate(body):
            for place, less in _with_one_value_less(value, f"{at}[]"):
                yield place, [*body[:number], less, *body[number + 1 :]]


def _failures(emulator: RealEmulator) -> list[str]:
    """What the emulator logged of its own failing, tracebacks included."""
    text = emulator.log.read_text()
    return ["its log:", text[-4000:]] if " ERROR " in text else []


def _problems(name: str, played: Played) -> list[tuple[tuple[str, str], str]]:
    seen, answer = played.interaction, played.answer
    if seen.operation in NOT_OFFERED:
        refused = answer.status in {404, 405, 501} and isinstance(answer.body, dict) and answer.body["error"]["code"]
        said = (
            f"must be refused clearly, being in the table of what is not offered; it is {answer.status} {answer.body}"
        )
        return [] if refused else [((seen.title, "refusal"), said)]
    return [((seen.title, each.field), each.problem) for each in played.differences]


def _place(deviation: dict[str, str]) -> tuple[str, str]:
    return deviation["interaction"], deviation["field"]
