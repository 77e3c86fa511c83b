from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from aca_notebook.errors import UsageFailed
from aca_notebook.magics import words
from aca_notebook.magics.grammar import Help
from aca_notebook.magics.limits import limits_of
from aca_notebook.magics.readers import duration
from aca_notebook.magics.subcommands import GRAMMAR, apps, cost, logs, metrics, revisions, shared, targets


def parse(line: str, *, cell: bool = False) -> object:
    parsed = GRAMMAR.parse(words.split(line), cell=cell)
    return parsed if isinstance(parsed, Help) else parsed[1]


@pytest.mark.parametrize(
    ("line", "cell", "expected"),
    [
        ("target local", False, targets.Target("local")),
        ("target", False, targets.Target()),
        ("target azure -g research --environment gpu", False, targets.Target("azure", "research", "gpu")),
        ("deploy scorer", True, apps.Deploy("scorer")),
        ("deploy scorer --gpu t4 --max-replicas 3", True, apps.Deploy("scorer", gpu="T4", max_replicas=3)),
        ("deploy --gpu A100 scorer", True, apps.Deploy("scorer", gpu="A100")),
        (
            "deploy scorer --pip polars==1.9 --pip numpy scipy --env-vars MODE=fast DEPTH=3 --public --keep",
            True,
            apps.Deploy(
                "scorer", pip=("polars==1.9", "numpy", "scipy"), env_vars={"MODE": "fast", "DEPTH": "3"},
                public=True, keep=True,
            ),
        ),
        ("deploy scorer --cooldown 90s", True, apps.Deploy("scorer", cooldown=90.0)),
        ("deploy scorer --cpu 0.5 --memory 1Gi --ttl 30m", True,
         apps.Deploy("scorer", cpu=0.5, memory="1Gi", ttl="30m")),
        ("plan scorer --gpu T4", True, apps.Plan("scorer", gpu="T4")),
        ("plan scorer", False, apps.Plan("scorer")),
        ("ps # all of them", False, shared.Listing()),
        ("show scorer", False, shared.OneApp("scorer")),
        ("logs scorer --tail 20", False, logs.Logs("scorer", tail=20)),
        ("logs -f scorer --type system", False, logs.Logs("scorer", follow=True, type="system")),
        ("invoke scorer -9.0", False, apps.Invoke("scorer", ("-9.0",))),
        ("invoke scorer --function score x=9.0", False, apps.Invoke("scorer", ("x=9.0",), function="score")),
        ("metrics scorer --since 3h --plot", False,
         metrics.Metrics("scorer", since=timedelta(hours=3), plot=True)),
        ("metrics scorer --metric cpu gpu --by replica --interval 1h", False,
         metrics.Metrics("scorer", metric=("cpu", "gpu"), grain=timedelta(hours=1), by="replica")),
        ("cost", False, cost.Cost()),
        ("cost scorer --since 7d", False, cost.Cost("scorer", since=timedelta(days=7))),
        ("revision list scorer", False, revisions.Revision("list", "scorer")),
        ("revision restart scorer 0000001", False, revisions.Revision("restart", "scorer", "0000001")),
        ("down scorer ranker", False, apps.Down(("scorer", "ranker"))),
        ("down --all", False, apps.Down(all=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_line_parses_into_one_typed_value(line: str, *, cell: bool, expected: object) -> None:
    assert parse(line, cell=cell) == expected


@pytest.mark.parametrize(
    ("line", "cell", "said"),
    [
        ("deplyo scorer", True, "did you mean `deploy`?"),
        ("xyzzy", False, "there is no `%aca xyzzy`"),
        ("revision", False, "needs a verb; it has list, activate, deactivate, restart"),
        ("revision reset scorer", False, "has no 'reset'"),
        ("deploy scorer --max-replica 3", True, "did you mean --max-replicas?"),
        ("deploy scorer --gpus T4", True, "did you mean --gpu?"),
        ("deploy scorer --gpu H100", True, "choose T4 or A100"),
        ("deploy scorer --memory lots", True, "write it like 0.5Gi"),
        ("deploy scorer --cpu none", True, "not a number of cores"),
        ("deploy scorer --ttl soon", True, "write it like 90s, 30m, 8h or 2d"),
        ("deploy scorer --env-vars 1X=2", True, "is not NAME=VALUE"),
        ("deploy scorer --max-replicas 0", True, "at least 1"),
        ("deploy scorer ranker", True, "'ranker' is one word too many"),
        ("deploy scorer --gpu", True, "expected one argument"),
        ("deploy", True, "NAME is missing"),
        ("show", False, "NAME is missing"),
        ("logs scorer --type consol", False, "did you mean console?"),
        ("target locla", False, "did you mean local?"),
        ("show scorer", True, "one percent sign"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_line_says_what_was_meant(line: str, *, cell: bool, said: str) -> None:
    with pytest.raises(UsageFailed) as refused:
        parse(line, cell=cell)
    assert said in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("command", GRAMMAR.commands, ids=lambda command: command.name)
def test_every_command_has_help_examples_that_parse_and_fields_for_all_it_takes(command) -> None:
    assert len(command.examples) == 3
    fields = {field.name for field in dataclasses.fields(command.arguments)}
    assert {option.destination for option in command.options} | set(command.fixed) <= fields
    for example in command.examples:
        sign, _, line = example.partition("aca ")
        parsed = parse(line, cell=sign.endswith("%%")) if sign.count("%") else None
        assert parsed is not None
    shown = GRAMMAR.help(command.name.split())
    assert shown.startswith(f"usage: {command.usage}")
    assert all(f"\n  {example}" in shown for example in command.examples)
    assert limits_of(command.name), "every command tells what it runs into"
    assert f"\nlimits: {limits_of(command.name)}\nwith az: " in shown
    assert all(flag in shown for flag in command.flags if flag != "--help")
    assert ("  --show-az, --show-rest: " in shown) == words.can_be_shown(command.name), (
        "help promises what a command can"
    )


@pytest.mark.parametrize("line", ["", "help", "--help", "-h"])
def test_no_words_show_every_command(line: str) -> None:
    shown = parse(line)
    assert isinstance(shown, Help)
    assert all(command.name in shown.text for command in GRAMMAR.commands)


@pytest.mark.parametrize(
    "line", ["deploy --help", "help deploy", "deploy scorer -h --wrong", "deploy?", "deploy ?", "deploy??"]
)
def test_help_wins_over_everything_else_on_the_line(line: str) -> None:
    assert repr(parse(line)).startswith("usage: %%aca deploy NAME")


def test_a_question_in_an_argument_is_no_question_about_the_command() -> None:
    assert parse("invoke chat 'how are you?'").values == ("how are you?",)


def test_the_help_of_a_noun_lists_its_verbs() -> None:
    assert "revision restart" in repr(parse("help revision"))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2D", 172800)])
def test_spans_are_read(text: str, seconds: float) -> None:
    assert duration(text).total_seconds() == seconds


def test_what_follows_secret_is_a_name_and_what_looks_like_a_value_is_still_refused() -> None:
    words.refuse_secrets(["deploy", "scorer", "--secret", "HF_TOKEN=hf-token-of-ada", "API_KEY=key-of-bob"])
    for line in (
        ["deploy", "scorer", "--secret", "HF_TOKEN=hf_abcdefghijklmnopqrstu"],
        ["deploy", "scorer", "--secret", "HF_TOKEN=Qx7vN2pLk9Zr"],
        ["deploy", "scorer", "--secret", "A=a", "--env-vars", "HF_TOKEN=hf-token-of-ada"],
    ):
        with pytest.raises(UsageFailed, match="looks like a secret"):
            words.refuse_secrets(line)
