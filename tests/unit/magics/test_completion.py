from __future__ import annotations

import asyncio
import threading

import pytest

from aca_notebook.magics.completion import CachedNames, complete
from aca_notebook.magics.subcommands import GRAMMAR
from tests.fakes.clock import ManualClock


class Known:
    def apps(self):
        return ["scorer", "ranker"]

    def functions(self):
        return ["score", "Model"]

    def live(self, kind, about):
        known = {
            ("session", ""): ["lab1", "other"],
            ("pool", ""): ["python"],
            ("remote", "lab1"): ["sales.csv", "a.png"],
        }
        return known.get((kind, about), [])


@pytest.mark.parametrize(
    ("line", "fragment", "expected"),
    [
        ("%aca sh", "sh", ["show"]),
        ("%aca de", "de", ["deploy"]),
        ("%aca st", "st", ["start", "stop"]),
        ("x = %aca sh", "sh", ["show"]),
        ("%%aca ", "", ["deploy", "plan", "session", "query", "help"]),
        ("%aca session ", "", ["list", "show", "files", "upload", "download", "console", "restart", "stop"]),
        ("%%aca session l", "l", ["lab1"]),
        ("%aca session download lab1 s", "s", ["sales.csv"]),
        ("%aca pool warm ", "", ["python"]),
        ("%aca revision ", "", ["list", "activate", "deactivate", "restart", "mode", "diff"]),
        ("%aca revision re", "re", ["restart"]),
        ("%aca revision restart s", "s", ["scorer"]),
        ("%aca help lo", "lo", ["logs"]),
        ("%%aca deploy --m", "--m", ["--min-replicas", "--max-replicas", "--memory"]),
        ("%%aca deploy x --max-replicas 3 --ma", "--ma", []),
        ("%%aca deploy x --pip a --pi", "--pi", ["--pip"]),
        ("%%aca deploy x --gpu ", "", ["T4", "A100"]),
        ("%%aca deploy x --gpu a", "a", ["A100"]),
        ("%%aca deploy x --gpu=t", "t", ["T4"]),
        ("%%aca deploy x --entry s", "s", ["score"]),
        ("%aca target ", "", ["local", "azure"]),
        ("%aca metrics scorer --metric m", "m", ["memory"]),
        ("%aca metrics scorer --metric cpu re", "re", ["requests", "replicas", "restarts"]),
        ("%aca metrics scorer --grain 1", "1", ["1m", "15m", "1h", "12h", "1d"]),
        ("%aca metrics scorer --by re", "re", ["revision", "replica"]),
        ("%aca logs scorer --type s", "s", ["system"]),
        ("%aca logs --tail 20 r", "r", ["ranker"]),
        ("%aca show scorer ", "", []),
        ("%aca down scorer r", "r", ["ranker"]),
        ("%aca show ", "", ["scorer", "ranker"]),
        ("%aca fault ", "", ["list", "add", "clear"]),
        ("%aca fault add stu", "stu", ["stuck-operation", "stuck-gpu"]),
        ("%aca fault add outage st", "st", ["status=500", "status=502", "status=503", "status=504"]),
        ("%aca fault add outage status=503 c", "c", ["count="]),
        ("%aca fault add forbidden o", "o", ["on="]),
        ("%aca fault add stuck-gpu ", "", ["seconds=", "on=", "for=", "until="]),
    ],
)
def test_what_fits_at_the_cursor(line: str, fragment: str, expected: list[str]) -> None:
    found = complete(line, GRAMMAR, Known())
    assert (found.fragment, [one.text for one in found.found]) == (fragment, expected)
    assert found.ours


@pytest.mark.parametrize(
    "line", ["%aca", "%acab ", "print('%aca ')", "%%aca deploy x --requirements re", "%aca show scorer # sh"]
)
def test_other_matchers_keep_their_lines(line: str) -> None:
    assert not complete(line, GRAMMAR, Known()).ours


def test_names_are_asked_for_once_in_two_seconds() -> None:
    asked: list[int] = []
    clock = ManualClock()
    names = CachedNames(lambda: [f"app{asked.append(1) or len(asked)}"], clock)
    assert names.get() == names.get() == ("app1",)
    asyncio.run(clock.advance(2.5))
    assert names.get() == ("app2",)


def test_a_slow_platform_never_holds_a_keystroke() -> None:
    answer = threading.Event()

    def ask():
        answer.wait(20)
        return ["scorer"]

    names = CachedNames(ask, ManualClock())
    assert names.get() == ()
    answer.set()
    names._asking.join(20)
    assert names.get() == ("scorer",)


def test_a_platform_that_fails_completes_nothing() -> None:
    def ask():
        raise OSError("no network")

    assert CachedNames(ask, ManualClock()).get() == ()
