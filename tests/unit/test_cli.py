"""The command line: what it understands, and what it says when it does not."""

from __future__ import annotations

import json

import pytest

from aca_notebook import launcher, settings
from aca_notebook.__main__ import _answers, _parser, main


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        ([], ["demo", "doctor", "key", "emulator", "version"]),
        (["emulator"], ["run", "start", "stop", "status", "env", "reset", "export", "import", "image"]),
        (["emulator", "image"], ["add"]),
        (["emulator", "principal"], ["add", "remove", "list"]),
    ],
    ids=["nothing", "emulator", "emulator image", "emulator principal"],
)
def test_without_a_command_there_is_help(words, listed, capsys):
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert [each for each in listed if each not in shown] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctr"], "there is no `aca-notebook doctr`; did you mean `doctor`?\nUsageError\naca-notebook --help\n"),
        (
            ["emulator", "stp"],
            "there is no `aca-notebook emulator stp`; did you mean `stop`?\nUsageError\naca-notebook emulator --help\n",
        ),
        (["zzz"], "there is no `aca-notebook zzz`\nUsageError\naca-notebook --help\n"),
        (["key"], "the following arguments are required: NAME\nUsageError\naca-notebook key --help\n"),
    ],
    ids=["mistyped", "mistyped action", "nothing near", "missing argument"],
)
def test_what_is_mistyped_gets_the_nearest_command_and_where_to_read_on(words, said, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "action",
    [
        "run",
        "start",
        "stop",
        "status",
        "env",
        "reset",
        "export file",
        "import file",
        "image add",
        "principal add x",
        "principal remove x",
        "principal list",
    ],
)
def test_every_emulator_action_takes_a_data_folder(action, tmp_path):
    words = ["emulator", *action.split(), "--data-dir", str(tmp_path)]
    if action == "image add":
        words += ["registry/image:1", "--", "{python}", "-m", "http.server", "{port}"]
    assert _parser().parse_args(words).data_dir == tmp_path


def test_an_image_command_may_have_flags_of_its_own():
    given = _parser().parse_args(["emulator", "image", "add", "i", "--", "serve", "--port", "{port}"])
    assert given.command == ["serve", "--port", "{port}"]


def test_version_names_ours_and_pythons(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("aca_notebook 0.")


def test_status_of_no_emulator_is_a_failure_that_says_so(tmp_path, capsys):
    assert main(["emulator", "status", "--json", "--data-dir", str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False, "data_dir": str(tmp_path)}


def test_stopping_no_emulator_is_no_error(tmp_path, capsys):
    assert main(["emulator", "stop", "--data-dir", str(tmp_path)]) == 0
    assert "no emulator runs" in capsys.readouterr().out


def test_reset_deletes_no_folder_that_is_not_an_emulators(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert main(["emulator", "reset", "--yes", "--data-dir", str(tmp_path)]) == 2
    assert (tmp_path / "thesis.tex").exists()
    assert "no emulator's data folder" in capsys.readouterr().err


def test_reset_asks_unless_told_not_to(tmp_path, capsys, monkeypatch):
    (tmp_path / "state.db").touch()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["emulator", "reset", "--data-dir", str(tmp_path)]) == 2
    assert tmp_path.exists()
    assert "emulator reset --yes" in capsys.readouterr().err
    assert main(["emulator", "reset", "--yes", "--data-dir", str(tmp_path)]) == 0
    assert not tmp_path.exists()


def test_an_unknown_target_is_refused_in_words(capsys):
    assert main(["key", "scorer", "--target", "mars"]) == 2
    assert "choose local or azure" in capsys.readouterr().err


def test_the_azure_target_says_what_is_not_set(capsys, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")  # which nobody has set: nobody is asked
    assert main(["key", "scorer", "--target", "azure"]) == 1
    assert "AZURE_SUBSCRIPTION_ID" in capsys.readouterr().err


def test_the_emulators_folder_lies_in_our_home():
    assert launcher.data_dir(settings.home()).parent == settings.home()


def test_the_demo_shows_what_cells_answered():
    from nbformat import v4

    cell = v4.new_code_cell("a = 1\nscore.remote(9.0)")
    cell.outputs = [v4.new_output("execute_result", {"text/plain": "6.0"}, execution_count=1)]
    silent = v4.new_code_cell("x = 1")
    frame = v4.new_code_cell("%aca cost scorer")
    table = {"text/plain": "  app  at \\\n0 scorer", "text/html": '<table class="dataframe"><tr></tr><tr></tr></table>'}
    frame.outputs = [v4.new_output("execute_result", table, execution_count=2)]
    assert _answers(v4.new_notebook(cells=[cell, silent, v4.new_markdown_cell("# Title"), frame])) == [
        ("score.remote(9.0)", "6.0"),
        ("%aca cost scorer", "a table with 1 row"),
    ]
