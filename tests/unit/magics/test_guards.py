"""`%aca budget`, `alert` and `advise` on one workspace of fakes: what they ask for, and what they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aca_notebook.errors import UsageFailed
from aca_notebook.magics.commands import alerts, budgets
from aca_notebook.magics.subcommands import GRAMMAR
from aca_notebook.model.alert import Alert, parse_condition
from aca_notebook.model.budget import Budget, decide_budget


@dataclass
class Asked:
    """Remembers calls; `list` answers with one of each."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def create(self, *arguments: Any, **named: Any) -> Alert:
        self.calls.append(("create", arguments, named))
        return Alert(
            "busy", "scorer", (parse_condition("avg Requests > 1"),), timedelta(minutes=5), timedelta(minutes=1)
        )

    def delete(self, *arguments: Any) -> None:
        self.calls.append(("delete", arguments, {}))

    def list(self) -> list[Any]:
        return [SimpleNamespace(state=decide_budget(Budget(5.0), 1.0), ends_at=datetime(2026, 1, 2, tzinfo=UTC))]


@pytest.fixture
def notebook() -> Any:
    target = SimpleNamespace(name="local", enforces_expiry=True, charges=False)
    return SimpleNamespace(workspace=SimpleNamespace(budgets=Asked(), alerts=Asked(), target=target))


def parsed(*words: str) -> Any:
    found = GRAMMAR.parse(words)
    assert isinstance(found, tuple)
    return found[1]


def test_a_budget_is_made_and_all_are_listed(notebook: Any) -> None:
    table = budgets.budget(notebook, parsed("budget", "5USD/day", "--stop", "--app", "scorer"))
    assert notebook.workspace.budgets.calls == [
        ("create", ("5USD/day",), {"app": "scorer", "stop": True, "emails": ()})
    ]
    assert "5 USD/day" in repr(table)
    budgets.delete(notebook, parsed("budget", "delete", "--app", "scorer"))
    assert notebook.workspace.budgets.calls[-1] == ("delete", ("scorer",), {})


def test_flags_without_an_amount_are_no_budget(notebook: Any) -> None:
    with pytest.raises(UsageFailed, match="how much"):
        budgets.budget(notebook, parsed("budget", "--stop"))
    assert notebook.workspace.budgets.calls == []


def test_an_alert_takes_the_condition_of_the_guide_and_hints_at_what_it_means(notebook: Any) -> None:
    given = parsed("alert", "create", "busy", "--app", "scorer", "--condition", "avg Requests > 100",
                   "--window-size", "15m", "--severity", "1")  # fmt: skip
    table = alerts.create(notebook, given)
    [(_, arguments, named)] = notebook.workspace.alerts.calls
    assert arguments == ("busy", "scorer", ("avg Requests > 100",))
    assert (named["window"], named["severity"]) == (timedelta(minutes=15), 1)
    assert "total Requests > N" in repr(table)
    with pytest.raises(UsageFailed, match="--condition is missing"):
        alerts.create(notebook, parsed("alert", "create", "busy"))
    with pytest.raises(UsageFailed, match="no severity"):
        parsed("alert", "create", "busy", "--severity", "9")
