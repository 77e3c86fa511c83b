from __future__ import annotations

import asyncio
import threading

import pytest
from IPython.core.completer import provisionalcompleter

from aca_notebook.magics.completion import complete
from aca_notebook.magics.live_names import CachedNames, defined
from aca_notebook.magics.subcommands import GRAMMAR
from tests.fakes.clock import ManualClock


class Known:
    def apps(self):
        return ["scorer", "ranker"]

    def functions(self):
        return ["score", "Model"]

    def variables(self):
        return ["df", "dates", "x"]

    def live(self, kind, about):
        known = {
            ("session", ""): ["lab1", "other"],
            ("pool", ""): ["python"],
            ("remote", "lab1"): ["sales.csv", "a.png"],
            ("revision", "scorer"): ["scorer--1", "scorer--2"],
            ("secret", ""): ["hf-token"],
        }
        return known.get((kind, about), [])


@pytest.mark.parametrize(
    ("line", "fragment", "expected"),
    [
        ("%aca sh", "sh", ["show"]),
        ("%aca de", "de", ["deploy"]),
        ("%aca st", "st", ["start", "stop"]),
        ("x = %aca sh", "sh", ["show"]),
        ("%%aca ", "", ["deploy", "plan", "session", "query", "lint", "help"]),
        (
            "%aca session ",
            "",
            ["list", "show", "files", "upload", "download", "console", "attach", "restart", "stop"],
        ),
        ("%%aca session l", "l", ["lab1"]),
        ("%aca session download lab1 s", "s", ["sales.csv"]),
        ("%aca pool warm ", "", ["python"]),
        ("%aca revision ", "", ["list", "activate", "deactivate", "restart", "mode", "diff"]),
        ("%aca revision re", "re", ["restart"]),
        ("%aca revision restart s", "s", ["scorer"]),
        ("%aca help logs", "logs", ["logs"]),
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
        ("%aca revision restart scorer scorer--2", "scorer--2", ["scorer--2"]),
        ("%%aca session lab -i d", "d", ["df", "dates"]),
        ("%%aca session lab -i df,d", "df,d", ["df,dates"]),
        ("%aca logs scorer -o d", "d", ["df", "dates"]),
        ("%%aca deploy x --secret ", "", ["HF_TOKEN=hf-token"]),
        ("%%aca deploy x --secret TOKEN=h", "TOKEN=h", ["TOKEN=hf-token"]),
        ("%aca secret remove h", "h", ["hf-token"]),
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


def at_once(act) -> threading.Event:
    """Asks in the thread of whoever wants to know."""
    act()
    done = threading.Event()
    done.set()
    return done


def test_names_are_asked_for_once_in_two_seconds() -> None:
    asked: list[int] = []
    clock = ManualClock()
    names = CachedNames(lambda: [f"app{asked.append(1) or len(asked)}"], clock, at_once)
    assert names.get() == names.get() == ("app1",)
    asyncio.run(clock.advance(2.5))
    assert names.get() == ("app2",)


def test_a_slow_platform_never_holds_a_keystroke_and_old_names_stand_until_new_ones_come() -> None:
    clock, due, done = ManualClock(), [], threading.Event()
    answers = [["scorer"], ["ranker"]]

    def later(act) -> threading.Event:
        due.append(act)
        return done

    names = CachedNames(lambda: answers.pop(0), clock, later)
    assert names.get() == ()
    assert names.get() == ()
    assert len(due) == 1, "nobody asks twice at once"
    due.pop()()
    done.set()
    assert names.get() == ("scorer",)
    asyncio.run(clock.advance(2.5))
    done = threading.Event()
    assert names.get() == ("scorer",)
    due.pop()()
    assert names.get() == ("ranker",)


def test_a_platform_that_fails_completes_what_was_known() -> None:
    clock, answers = ManualClock(), [["scorer"]]
    names = CachedNames(answers.pop, clock, at_once)
    assert names.get() == ("scorer",)
    asyncio.run(clock.advance(2.5))
    assert names.get() == ("scorer",)


@pytest.mark.parametrize(
    ("cell", "variables", "functions"),
    [
        ("%%aca session -o \nresult = 1\nother, _x = 2, 3\ndef f(): inner = 1", ("result", "other"), ("f",)),
        ("%%aca deploy x --entry \nclass Model:\n    y = 1\nasync def g(): pass", (), ("Model", "g")),
        ("total: int = 3\nfor row in rows:\n    pass\nwith a as b: pass", ("total", "row"), ()),
        ("result = (1,\nmore == 2\ndef h(", ("result",), ("h",)),
    ],
)
def test_a_cell_that_is_being_written_has_names_of_its_own(cell, variables, functions) -> None:
    assert defined(cell) == variables
    assert defined(cell, functions=True) == functions


def test_a_cells_own_names_and_the_notebooks_complete(notebook) -> None:
    notebook.run("df = 1\nimport os\ndef score(x): return x")

    def complete(cell: str, line: str) -> list[str]:
        return [each.text for each in notebook.shell.Completer.completions(line + cell, len(line))]

    with provisionalcompleter():
        assert complete("\nresult = 1", "%%aca session lab -o re") == ["result"]
        assert "df" in complete("\nresult = 1", "%%aca session lab -i d")
        assert complete("\nresult = 1", "%%aca session lab -i df,re") == ["df,result"]
        assert complete("\ndef other(x): pass", "%%aca deploy x --entry ot") == ["other"]
        assert complete("\npass", "%%aca deploy x --entry sc") == ["score"]
    assert notebook.workspaces == [], "completing starts no target"
