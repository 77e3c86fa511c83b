"""The magic in a real IPython shell, before a workspace that only remembers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from IPython.core.completer import provisionalcompleter

from aca_notebook.display import cards
from aca_notebook.display.chart import Chart
from aca_notebook.errors import EmulatorFailed, NotFound, UsageFailed
from aca_notebook.magics import aca, commands
from aca_notebook.magics.grammar import Help
from aca_notebook.magics.notebook import CellFailed
from aca_notebook.magics.subcommands import GRAMMAR
from aca_notebook.model.fault_kinds import KINDS
from aca_notebook.model.fingerprint import fingerprint

CELL = "%%aca deploy scorer --gpu T4 --max-replicas 3  # first\ndef score(x):\n    return SCALE * x\n"


def plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_every_subcommand_can_be_run() -> None:
    for command in GRAMMAR.commands:
        assert not command.line or command.name in commands._LINE
        assert not command.cell or command.name in commands._CELL


def test_a_deployed_cell_runs_here_first_and_leaves_handles(notebook) -> None:
    notebook.run("SCALE = 2")
    notebook.run(CELL)
    assert notebook.error is None
    ((verb, name, source, options),) = notebook.workspace.asked
    assert (verb, name, options["gpu"], options["max_replicas"]) == ("deploy", "scorer", "T4", 3)
    assert source.startswith("\ndef score"), "a line stands for the magic"
    assert options["cell"] == "In[2]"
    assert notebook.names["score"] == "handle of scorer"


def test_the_card_of_a_deployment_is_shown_once_in_a_terminal_and_nothing_is_returned(notebook) -> None:
    assert notebook.run(CELL) is None
    (output,) = notebook.shown
    assert "deployed in" in output.data["text/plain"]
    assert "<div" in output.data["text/html"]


def test_a_cell_that_raises_is_not_deployed(notebook) -> None:
    notebook.run("%%aca deploy scorer\n1 / 0")
    assert isinstance(notebook.error, CellFailed)
    assert "ZeroDivisionError" in notebook.out
    assert notebook.workspaces == []


def test_a_cell_that_raises_is_shown_with_its_own_number_and_lines(notebook) -> None:
    notebook.run("x = 0")
    notebook.run("%%aca deploy scorer\nx = 1\nx / 0")
    assert "Cell In[2], line 3" in plain(notebook.out)
    notebook.run("%%aca deploy scorer\ndef score(:\n    pass")
    assert "Cell In[3], line 2" in plain(notebook.out)
    assert notebook.run("1 + 1") == 2
    assert notebook.names["Out"] == {4: 2}, "counting goes on as if nothing had been nested"


def test_a_cell_with_a_syntax_error_is_reported_by_ipython(notebook) -> None:
    notebook.run("%%aca deploy scorer\ndef score(:\n    pass")
    assert "SyntaxError" in notebook.out
    assert "nothing was deployed" in notebook.out
    assert notebook.workspaces == []


def test_a_failed_deployment_shows_the_cells_traceback_once_and_stays_an_exception(notebook) -> None:
    notebook.run("%aca target local")
    notebook.workspace.fails = True
    notebook.run(CELL)
    assert type(notebook.error).__name__ == "DeploymentFailed"
    assert notebook.out.count("In[1], line 1") == 1
    assert "In[1], line 1" not in notebook.shown[-1].data["text/plain"]
    assert "failed after" in notebook.shown[-1].data["text/plain"]


def test_an_error_of_ours_is_three_lines_without_our_stack(notebook) -> None:
    notebook.run("%aca show nothing")
    assert isinstance(notebook.error, NotFound)
    assert [line.strip() for line in notebook.out.strip().splitlines()] == [
        "NotFound: there is no app 'nothing'", "ResourceNotFound", "%aca ps",
    ]  # fmt: skip


def test_an_error_of_ours_can_be_caught(notebook) -> None:
    notebook.run(
        "from aca_notebook import AcaError\ntry:\n    %aca show nothing\nexcept AcaError as e:\n    kept = e.hint"
    )
    assert notebook.names["kept"] == "%aca ps"


def test_a_value_can_be_assigned(notebook) -> None:
    notebook.run("app = %aca show scorer  # the first")
    assert notebook.names["app"].name == "scorer"


def test_names_of_the_notebook_are_filled_in(notebook) -> None:
    notebook.run("which = 'ranker'")
    assert notebook.run("%aca show $which").name == "ranker"
    assert notebook.run("%aca show {which}").name == "ranker"


def test_json_on_a_line_survives(notebook) -> None:
    notebook.run("""%aca invoke scorer --json '{"x": 9.0}'""")
    assert notebook.workspace.asked == [("invoke", "scorer", (), {"x": 9.0})]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("invoke scorer 9.0 hello", ("invoke", "scorer", (9.0, "hello"), {})),
        ("invoke scorer x=[1,2] --function score", ("call", "scorer", ("score",), {"x": [1, 2]})),
        ("curl scorer", ("curl", "scorer", (), {})),
        ("open scorer", ("open", "scorer", (), {})),
        ("start scorer", ("start", "scorer", (), {})),
        ("stop scorer", ("stop", "scorer", (), {})),
        ("revision restart scorer 0000001", ("restart_revision", "scorer", ("scorer--0000001",), {})),
        ("revision activate scorer scorer--0000002", ("activate_revision", "scorer", ("scorer--0000002",), {})),
    ],
)
def test_a_line_becomes_one_call_of_the_library(notebook, line: str, asked: tuple) -> None:
    notebook.run(f"%aca {line}")
    assert notebook.error is None
    assert notebook.workspace.asked == [asked]


def test_the_dry_run_returns_the_plan_and_deploys_nothing(notebook) -> None:
    notebook.run(CELL.replace("--gpu", "--dry-run --gpu"))
    assert "plan: would create scorer" in notebook.out
    assert [verb for verb, *_ in notebook.workspace.asked] == ["plan"]


def test_a_line_plan_uses_the_cell_that_was_deployed(notebook) -> None:
    notebook.run(CELL)
    notebook.run("%aca plan scorer")
    assert notebook.workspace.asked[-1][2].startswith("\ndef score")
    notebook.run("%aca plan ranker")
    assert isinstance(notebook.error, UsageFailed)
    assert "--entry" in notebook.error.hint


def test_a_function_of_an_earlier_cell_is_deployed_by_its_name(notebook) -> None:
    notebook.run("def score(x): return x")
    notebook.run("%aca deploy scorer --entry score")
    assert notebook.error is None
    ((verb, name, source, options),) = notebook.workspace.asked
    assert (verb, name, source, options["entry"], options["cell"]) == ("deploy", "scorer", "", "score", "In[2]")


def test_the_list_after_down_is_what_is_left(notebook) -> None:
    left = notebook.run("%aca down scorer")
    assert [row["name"] for row in left] == ["ranker"]
    assert len(notebook.run("%aca down --all")) == 0


def test_down_without_a_name_deletes_nothing(notebook) -> None:
    notebook.run("%aca down")
    assert isinstance(notebook.error, UsageFailed)
    assert notebook.workspace.asked == []


def test_plot_gives_a_chart_and_its_absence_a_frame(notebook) -> None:
    assert isinstance(notebook.run("%aca metrics scorer --plot"), Chart)
    assert list(notebook.run("%aca metrics scorer")["requests"]) == [3.0]


def test_a_chart_of_metrics_tells_what_happened(notebook) -> None:
    chart = notebook.run("%aca metrics scorer --plot")
    assert "happened: 06:00 revision new" in chart.words
    assert "revision new" in chart.svg


def test_metrics_are_asked_for_as_the_line_says_and_go_into_a_variable(notebook) -> None:
    assert notebook.run("%aca metrics scorer --metric cpu latency --by revision --grain 5m -o df") is None
    assert list(notebook.names["df"]["requests"]) == [3.0]
    (*_, asked) = notebook.workspace.asked[-1]
    assert asked == {
        "since": timedelta(hours=1), "interval": timedelta(minutes=5), "metrics": ("cpu", "latency"), "by": "revision",
    }  # fmt: skip


def test_what_goes_on_shows_everything(notebook) -> None:
    notebook.run("%aca metrics scorer --live --by replica")
    assert isinstance(notebook.error, UsageFailed)
    assert notebook.error.hint == "%aca metrics scorer --plot takes --by and --metric"


def test_the_log_is_shown_as_lines_and_keeps_its_values(notebook) -> None:
    shown = notebook.run("%aca logs scorer --tail 20")
    assert repr(shown) == "one\ntwo"
    assert [line.text for line in shown.lines] == ["one", "two"]
    (name, app, _, options), *_ = notebook.workspace.asked
    assert (name, app, options["tail"], options["follow"], options["source"]) == (
        "logs",
        "scorer",
        20,
        False,
        "console",
    )


def test_a_log_is_looked_through_and_put_into_a_variable(notebook) -> None:
    notebook.run("%aca logs scorer --level warning --grep 'time ?out' --since 10m --revision v2 -o lines")
    (_, _, _, options), *_ = notebook.workspace.asked
    assert (options["level"], options["grep"], options["revision"]) == ("warning", "time ?out", "scorer--v2")
    assert options["since"] == timedelta(minutes=10)
    assert list(notebook.names["lines"]["text"]) == ["one", "two"]


def test_a_log_followed_in_a_terminal_is_written_until_ctrl_c(notebook) -> None:
    notebook.run("%aca logs scorer --follow")
    assert notebook.error is None
    assert notebook.out.splitlines() == ["one", "two"]


def test_a_new_target_leaves_the_handles_of_the_old_one_working(notebook) -> None:
    notebook.run("%aca target local")
    notebook.run("%aca target azure -g research")
    assert [workspace.closed for workspace in notebook.workspaces] == [False, False]
    assert notebook.workspace.name == "azure"


def test_a_secret_on_the_line_stops_it_before_anything_happens(notebook) -> None:
    notebook.run("%%aca deploy scorer --env-vars HF_TOKEN=hf_abcdefghijklmnop1234\ndef score(x): return x")
    assert isinstance(notebook.error, UsageFailed)
    assert "hf_abc" not in notebook.out
    assert notebook.workspaces == []


def test_a_bare_magic_shows_what_there_is(notebook) -> None:
    assert isinstance(notebook.run("%aca"), Help)
    assert notebook.workspaces == []


def test_a_usage_error_never_leaves_the_interpreter(notebook) -> None:
    notebook.run("%aca logs")
    assert isinstance(notebook.error, UsageFailed)


def completed(notebook, *lines: str) -> list[str]:
    """Complete at the end of the line that has `aca` in it."""
    text = "\n".join(lines)
    end = next(len("\n".join(lines[: n + 1])) for n, line in enumerate(lines) if "aca" in line)
    with provisionalcompleter():
        return [text[: one.start][end:] + one.text for one in notebook.shell.Completer.completions(text, end)]


def test_completion_reaches_ipython_with_flags_values_and_live_names(notebook) -> None:
    assert completed(notebook, "%aca logs scorer --ta") == ["--tail"]
    assert completed(notebook, "%%aca deploy x --gpu ", "def score(x): ...") == ["T4", "A100"]
    assert "scorer" not in completed(notebook, "%aca show sc")
    notebook.run("%aca target local")
    assert completed(notebook, "1 + 1", "scorer = %aca show sc") == ["scorer"]


def test_completion_knows_the_functions_of_the_notebook(notebook) -> None:
    notebook.run("def score(x): return x\nfrom math import sqrt\nlimit = 3")
    assert completed(notebook, "%%aca deploy x --entry ") == ["score"]


def test_loading_twice_keeps_one_magic(notebook) -> None:
    first = aca.load(notebook.shell)
    count = len(notebook.shell.Completer.custom_matchers)
    assert aca.load(notebook.shell) is first
    assert len(notebook.shell.Completer.custom_matchers) == count


def test_showing_an_app_that_is_being_changed_follows_that_to_its_end(notebook):
    notebook.run("%aca target local")
    app = notebook.workspace.apps["scorer"]
    app.state = replace(app.state, provisioning_state="InProgress")

    def wait(on_change):
        on_change(app.state)
        app.state = replace(app.state, provisioning_state="Succeeded")

    app.wait = wait
    assert notebook.run("%aca show scorer") is app
    assert [output.data["text/plain"] for output in notebook.shown if "text/plain" in output.data][-1].startswith(
        "scorer: "
    )


def test_ctrl_c_ends_the_following_and_the_app_is_returned_as_it_is(notebook):
    notebook.run("%aca target local")
    app = notebook.workspace.apps["scorer"]
    app.state = replace(app.state, provisioning_state="InProgress")

    def wait(on_change):
        raise KeyboardInterrupt

    app.wait = wait
    assert notebook.run("%aca show scorer") is app
    assert notebook.error is None


def test_a_fault_is_put_in_force_listed_and_cleared(notebook) -> None:
    (row,) = notebook.run("%aca fault add throttle retry_after=5 on=PUT containerApps/scorer count=3")
    assert row["fault"] == "throttle retry_after=5 on=PUT containerApps/scorer count=3"
    notebook.run("%aca fault add stuck-gpu")
    assert [row["id"] for row in notebook.run("%aca fault list")] == ["1", "2"]
    assert [row["id"] for row in notebook.run("%aca fault clear 1")] == ["2"]
    assert len(notebook.run("%aca fault clear")) == 0
    assert "all is well" in notebook.out


def test_a_fault_that_makes_no_sense_is_refused_before_anybody_is_asked(notebook) -> None:
    notebook.run("%aca fault add throttle retryafter=5")
    assert isinstance(notebook.error, UsageFailed)
    assert "did you mean retry_after?" in notebook.out
    assert "%aca fault add --help" in notebook.out
    notebook.run("%aca fault add throtle")
    assert "did you mean throttle?" in notebook.out


def test_azures_bad_days_cannot_be_ordered(notebook) -> None:
    notebook.run("%aca target azure")
    notebook.run("%aca fault add outage")
    assert [line.strip() for line in notebook.out.strip().splitlines()] == [
        "TargetFailed: bad days cannot be rehearsed on the target 'azure': they come by themselves there",
        "NotRehearsable", "%aca target local, then the same line",
    ]  # fmt: skip


def test_the_target_says_what_is_not_as_usual_there(notebook) -> None:
    notebook.run("%aca target local")
    assert "faults" not in notebook.out
    assert "pace" not in notebook.out
    notebook.run("%aca fault add outage count=3")
    notebook.run("%aca target local --pace realistic")
    notebook.workspace.control.add_fault("outage count=3")
    notebook.run("%aca target")
    assert "outage count=3" in notebook.out
    assert "realistic" in notebook.out
    notebook.run("%aca target --pace swift")
    assert "no pace" in notebook.out


def test_an_emulator_that_knows_no_faults_yet_is_shown_all_the_same(notebook) -> None:
    notebook.run("%aca target local")

    def unknown():
        raise EmulatorFailed("the local emulator refused GET /_emulator/pace", code="HTTP 404")

    notebook.workspace.control.pace = unknown
    notebook.run("%aca target")
    assert notebook.error is None
    assert "target local" in notebook.out


def test_the_help_of_faults_has_all_of_them(notebook) -> None:
    notebook.run("%aca fault add --help")
    assert all(f"  {kind} " in notebook.out for kind in KINDS)
    notebook.run("%aca fault --help")
    assert "fault clear" in notebook.out


def test_the_card_of_a_deployment_keeps_which_text_became_which_bundle(notebook) -> None:
    notebook.run(CELL)
    kept = notebook.shown[-1].data["application/vnd.aca-notebook.card+json"]
    assert kept["kind"] == "deployment"
    assert kept["app"] == "scorer"
    assert kept["source"] == fingerprint(CELL)
    notebook.run("%aca deploy scorer --gpu T4")
    again = notebook.shown[-1].data["application/vnd.aca-notebook.card+json"]
    assert again["source"] == fingerprint("%aca deploy scorer --gpu T4"), "the cell that has the card"


def test_lists_and_cards_say_when_a_cell_was_changed_since_it_was_deployed(notebook) -> None:
    notebook.workspace.drifts["scorer"] = "its cell was changed here since"
    assert "scorer: its cell was changed here since" in repr(notebook.run("%aca ps"))
    app = notebook.run("%aca show scorer")
    assert "its cell was changed here since" in cards.app(app.state)["text/plain"]
