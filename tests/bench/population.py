"""Whether a full emulator is as quick as an empty one: 200 apps, 2,000 revisions, 10,000 resources."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psutil
import requests

from aca_notebook.emulator.journal.database import Database, put_document
from tests.bench.figures import Figure
from tests.real_emulator import API, IMAGE, RealEmulator

if TYPE_CHECKING:
    from pathlib import Path

PATTERN = "pattern"
REVISIONS = 10
SMALL, LARGE = (20, 1_000), (200, 10_000)  # apps and resources, revisions among them
GROWTH = 1.5
NOTE = "the peer is the same emulator with a tenth: 20 apps, 200 revisions, 1,000 resources; its rounds between ours"

Question = Callable[["Population"], requests.Response]
QUESTIONS: dict[str, Question] = {
    "GET of an app": lambda of: of.get("containerApps/app-7"),
    "list of an app's 10 revisions": lambda of: of.get("containerApps/app-7/revisions"),
    "GET of a revision": lambda of: of.get("containerApps/app-7/revisions/app-7--r3"),
    "PUT of a tag, durable": lambda of: of.put_identity("identity-5"),
}
LISTS: dict[str, tuple[Question, int]] = {
    "list of 200 apps": (lambda of: of.get("containerApps"), 200),
    "list of resources, first page": (lambda of: of.get_group("resources"), 1_000),
}


def full_emulator(home: Path, rounds: int = 7) -> list[Figure]:
    """Reads, writes, start and memory of a full emulator, beside one that holds a tenth."""
    with Population(home / "few", *SMALL) as few, Population(home / "many", *LARGE) as many:
        return [*_answers(few, many, rounds), *_lists(many, rounds), *_lives(few, many)]


def _answers(few: Population, many: Population, rounds: int) -> list[Figure]:
    figures = []
    for name, ask in QUESTIONS.items():
        pairs = [(_median_ms(many, ask), _median_ms(few, ask)) for _ in range(rounds)]
        ours, theirs = zip(*pairs, strict=True)
        figures.append(Figure(f"10,000 resources: {name}", "ms", ours, GROWTH, "with 1,000", theirs, note=NOTE))
    return figures


def _lists(many: Population, rounds: int) -> list[Figure]:
    figures = []
    for name, (ask, least) in LISTS.items():
        assert len(ask(many).json()["value"]) >= min(least, 200)
        figures.append(
            Figure(f"10,000 resources: {name}", "ms", tuple(_median_ms(many, ask, 5) for _ in range(rounds)), 150)
        )
    return figures


def _lives(few: Population, many: Population) -> list[Figure]:
    starts = [(many.restart(), few.restart()) for _ in range(3)]
    ours, theirs = zip(*starts, strict=True)
    per_thousand = (many.memory_mb() - few.memory_mb()) / (LARGE[1] - SMALL[1]) * 1_000
    return [
        Figure("10,000 resources: start to ready", "s", ours, 2),
        Figure("1,000 resources: start to ready", "s", theirs),
        Figure("10,000 resources: memory of the emulator", "MB", (many.memory_mb(),), 150),
        Figure("memory for each 1,000 resources more", "MB", (per_thousand,)),
    ]


def _median_ms(of: Population, ask: Question, times: int = 21) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        answer = ask(of)
        taken.append((time.perf_counter() - started) * 1e3)
        assert answer.status_code in {200, 201}, answer.text
    return statistics.median(taken)


@dataclass
class Population:
    """A real emulator that holds `apps` apps of ten revisions each, and identities up to `resources`."""

    folder: Path
    apps: int
    resources: int

    def __post_init__(self) -> None:
        self.emulator = RealEmulator(self.folder)
        self._session = requests.Session()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.emulator.stop)
            self._make_pattern()
            for number in range(self.resources - self.apps * (REVISIONS + 1)):
                assert self.put_identity(f"identity-{number}").status_code in {200, 201}
            undo.pop_all()
        self.emulator.stop()
        self._copy_pattern()
        self.emulator.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.emulator.stop()

    def get(self, path: str) -> requests.Response:
        return self._call("GET", self.emulator.path(path.removeprefix("containerApps").removeprefix("/")).rstrip("/"))

    def get_group(self, path: str) -> requests.Response:
        return self._call("GET", f"{self.emulator.path('').partition('/providers/')[0]}/{path}")

    def put_identity(self, name: str) -> requests.Response:
        path = self.emulator.path(name).replace(
            "Microsoft.App/containerApps", "Microsoft.ManagedIdentity/userAssignedIdentities"
        )
        return self._call("PUT", path, {"location": "eastus", "tags": {"at": str(time.monotonic_ns())}})

    def restart(self) -> float:
        """Stop, and return the seconds from the start to ready."""
        self.emulator.stop()
        started = time.perf_counter()
        self.emulator.launch()
        self.emulator.wait()
        return time.perf_counter() - started

    def memory_mb(self) -> float:
        """What the emulator's process alone holds."""
        return psutil.Process(self.emulator.process.pid).memory_full_info().uss / 1e6

    def _call(self, method: str, path: str, body: object = None) -> requests.Response:
        return self._session.request(
            method, f"{self.emulator.ready['http_url']}{path}", params=API, json=body, timeout=60,
            headers={"Authorization": f"Bearer {self.emulator.environment['ACCESS_TOKEN']}"},
        )  # fmt: skip

    def _make_pattern(self) -> None:
        """Deploy one real app with ten revisions, and let it go to rest."""
        properties = self.emulator.properties(IMAGE)
        properties["configuration"]["activeRevisionsMode"] = "multiple"
        properties["template"]["scale"] = {
            "minReplicas": 0, "maxReplicas": 2, "cooldownPeriod": 1, "pollingInterval": 1,
        }  # fmt: skip
        path = self.emulator.path(PATTERN)
        for number in range(REVISIONS):
            properties["template"]["revisionSuffix"] = f"r{number}"
            answer = self._call("PUT", path, {"location": "eastus", "properties": properties})
            assert answer.status_code == 201, answer.text
            status = "/subscriptions/" + answer.headers["Azure-AsyncOperation"].partition("/subscriptions/")[2]
            while self._call("GET", status.partition("?")[0]).json()["status"] == "InProgress":
                time.sleep(0.05)
        while any(
            self._call("GET", f"{path}/revisions/{PATTERN}--r{number}/replicas").json()["value"]
            for number in range(REVISIONS)
        ):
            time.sleep(0.2)

    def _copy_pattern(self) -> None:
        """Write the pattern's rows again under other names: 2,000 real revisions would take a quarter of an hour."""
        database = Database(self.folder / "state.db")
        try:
            rows = database.read_blocking(
                "SELECT kind, key, body FROM documents"
                " WHERE instr(key, ?) AND kind NOT IN ('ingress-port', 'secret-generation')", (PATTERN,)
            )  # fmt: skip
            for number in range(self.apps - 1):
                name = f"app-{number}"
                database.write_blocking(
                    *(
                        put_document(kind, key.replace(PATTERN, name), json.loads(body.replace(PATTERN, name)))
                        for kind, key, body in rows
                    )
                )
        finally:
            database.close()
