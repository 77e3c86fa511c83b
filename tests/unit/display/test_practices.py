"""The card of an app held against best practices: marks, what shows it, and the command that follows it."""

from __future__ import annotations

from aca_notebook.display import checkup
from aca_notebook.model.checkup import Check, Outcome

CHECKS = (
    Check("scale to zero", Outcome.OK, "minReplicas is 0"),
    Check("health probes", Outcome.FAIL, "no <liveness> probe", "%aca update web --probe liveness:/health:80"),
    Check("door", Outcome.WARN, "anyone may call it", "%aca update web --ingress internal"),
)


def test_what_is_to_mend_is_counted_and_each_command_stands_below() -> None:
    text = checkup.practices(CHECKS, "web", "local")["text/plain"].splitlines()
    assert text[0] == "✗ lint web: 1 to mend, 1 to know  (local)"
    assert text[1].split() == ["✓", "scale", "to", "zero", "minReplicas", "is", "0"], (
        "and no seconds: nothing was timed"
    )
    assert text[3].strip() == "%aca update web --probe liveness:/health:80"


def test_an_app_that_follows_all_is_told_so() -> None:
    assert checkup.practices(CHECKS[:1], "web", "local")["text/plain"].startswith(
        "✓ lint web: every practice is followed"
    )


def test_names_are_text_and_no_markup() -> None:
    html = checkup.practices(CHECKS, "web", "local")["text/html"]
    assert "no &lt;liveness&gt; probe" in html
    assert "<liveness>" not in html
