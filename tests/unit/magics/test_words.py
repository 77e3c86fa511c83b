from __future__ import annotations

import pytest

from aca_notebook.errors import UsageFailed
from aca_notebook.magics import words


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        pytest.param("show scorer # my app", "show scorer", id="a trailing comment goes"),
        pytest.param("# nothing", "", id="a whole comment goes"),
        pytest.param("invoke s '# not one'", "invoke s '# not one'", id="a hash in quotes stays"),
        pytest.param("deploy a --pip x#egg=y", "deploy a --pip x#egg=y", id="a hash inside a word stays"),
        pytest.param('invoke s "it\'s # fine"  # gone', 'invoke s "it\'s # fine"', id="quotes within quotes"),
    ],
)
def test_only_an_unquoted_comment_is_dropped(line: str, kept: str) -> None:
    assert words.drop_comment(line) == kept


def test_quoting_is_the_shells() -> None:
    assert words.split("""invoke scorer --json '{"x": 9.0}'  # call""") == ["invoke", "scorer", "--json", '{"x": 9.0}']


def test_an_open_quote_is_explained() -> None:
    with pytest.raises(UsageFailed, match="never closed"):
        words.split("invoke scorer 'oops")


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("$name", "scorer"),
        ("{name}", "scorer"),
        ("{app.name}", "ranker"),
        ("{name}-blue", "scorer-blue"),
        ("$unknown", "$unknown"),
        ("{app.unknown}", "{app.unknown}"),
        ('{"x": 9}', '{"x": 9}'),
        ("$phrase", "two words"),
    ],
)
def test_variables_of_the_notebook_are_filled_in_and_json_is_left_alone(word: str, expanded: str) -> None:
    class App:
        name = "ranker"

    assert words.expand([word], {"name": "scorer", "app": App(), "phrase": "two words"}) == [expanded]


@pytest.mark.parametrize(
    "word",
    [
        "HF_TOKEN=abcdefgh12345",
        "--api-key=abcdefgh12345",
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "hf_abcdefghijklmnopqrstuv",
        "ghp_abcdefghijklmnopqrstuv",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "DefaultEndpointsProtocol=https;AccountKey=abcdefghijklmnopqrstuvwxyz==",
    ],
)
def test_a_secret_on_the_line_is_refused_without_repeating_it(word: str) -> None:
    with pytest.raises(UsageFailed, match="looks like a secret") as refused:
        words.refuse_secrets(["deploy", "scorer", word])
    assert word[-16:] not in str(refused.value)


@pytest.mark.parametrize(
    "word",
    ["scorer", "MODE=fast", "--entry=score", "polars==1.9", '{"x": 9.0}', "x=9.0", "sha256:0b1c2d", "MONKEY=bananas42"],
)
def test_ordinary_words_are_no_secrets(word: str) -> None:
    words.refuse_secrets([word])
