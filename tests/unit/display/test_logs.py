from __future__ import annotations

import pytest

from aca_notebook.display import logs, theme
from aca_notebook.model.log import LogLine
from tests.unit.display.examples import EXPIRY, HOSTILE

CALL = (
    '{"event":"call","id":"51041ba1","function":"score","status":200,"queue_seconds":0.000297,'
    '"run_seconds":0.000057,"bytes_in":9,"bytes_out":3}'
)


IMPORT_FAILED = (
    '{"event":"import_failed","error":{"code":"ImportFailed","type":"RuntimeError","message":"not today",'
    '"traceback":[{"cell":"In[15]","line":3}]}}'
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CALL, "score: 200 in 57 µs, queued 297 µs, 3 bytes (call 51041ba1)"),
        ('{"event":"ready","port":21002}', "ready on port 21002"),
        (
            IMPORT_FAILED,
            "the cell could not be imported: RuntimeError: not today (In[15], line 3)",
        ),
        (
            '{"event":"import_failed","error":{"code":"StartupFailed","message":"no database"}}',
            "the cell could not be imported: StartupFailed: no database",
        ),
        ('{"event":"call","id":1}', '{"event":"call","id":1}'),
        ('{"event": "other"}', '{"event": "other"}'),
        ('{"event":', '{"event":'),
        ("hello", "hello"),
    ],
)
def test_the_runners_own_lines_become_sentences_and_others_stay(text: str, shown: str) -> None:
    assert logs.plainer(text) == shown


def test_a_warning_is_marked_by_more_than_colour() -> None:
    bundle = logs.log("scorer", [LogLine("Back-off pulling image", at=EXPIRY, level="Warning", reason="BackOff")])
    assert bundle["text/plain"] == "! 14:30:00 [BackOff] Back-off pulling image"
    assert "! [BackOff]" in bundle["text/html"]


def test_what_an_app_wrote_stays_text() -> None:
    html = logs.log(HOSTILE, [LogLine(HOSTILE, at=EXPIRY, reason=HOSTILE)])["text/html"]
    assert "<img" not in html


def test_an_empty_log_says_so() -> None:
    assert logs.log("scorer", [])["text/plain"] == "scorer: no lines yet"
    assert logs.log("scorer", [], following=True)["text/plain"] == "scorer: following"


def test_only_the_last_lines_are_shown() -> None:
    bundle = logs.log("scorer", [LogLine(str(n)) for n in range(300)], shown=2)
    assert bundle["text/plain"] == "298\n299"
    assert "300 lines" in bundle["text/html"]


def test_what_an_answer_lacks_is_told_as_text_that_nobody_can_inject_into() -> None:
    assert logs.query_notes("", "") is None
    told = logs.query_notes("<b>too many rows</b>", "Log Analytics lags behind")
    assert told is not None
    assert told["text/plain"] == "! not the whole answer: <b>too many rows</b>\n! Log Analytics lags behind"
    assert "&lt;b&gt;too many rows" in told["text/html"]


def test_levels_have_tones_and_only_a_card_beside_a_view_says_so() -> None:
    lines = [LogLine("ERROR no"), LogLine("WARNING hm"), LogLine("plain"), LogLine("\x1b[31mred\x1b[0m")]
    shown = logs.log("scorer", lines)["text/html"]
    assert f'<span style="color:{theme.BAD}">ERROR no</span>' in shown
    assert f'<span style="color:{theme.WARN}">WARNING hm</span>' in shown
    assert "plain\n" in shown
    assert "\x1b" not in shown
    assert "data-aca-static" not in shown
    assert "data-aca-static" in logs.log("scorer", lines, beside_a_view=True)["text/html"]
