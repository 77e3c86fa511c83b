from __future__ import annotations

from datetime import UTC, datetime

from aca_notebook.display import session_listings
from aca_notebook.model.session import (
    HYPER_V,
    Backend,
    ContainerType,
    Isolation,
    SessionFile,
    SessionPoolState,
    SessionState,
)
from aca_notebook.model.session_price import pool_price

PLAIN = Isolation(isolated=False, level="process", note="no namespaces here")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def custom(**settings: object) -> SessionPoolState:
    return SessionPoolState(
        "agents", ContainerType.CUSTOM, image="hello:1", cpu_cores=2.0, memory_bytes=4 * 2**30, location="eastus",
        max_sessions=10, **settings,
    )  # fmt: skip


def test_what_is_not_isolated_says_so_wherever_it_is_shown() -> None:
    pool = SessionPoolState("python", ContainerType.PYTHON, cooldown_seconds=300, isolation=PLAIN)
    session = SessionState("lab", "python", isolation=PLAIN)
    for shown in (
        repr(session_listings.pools([pool], target="local")), session_listings.pool(pool)["text/plain"],
        repr(session_listings.sessions([session], target="local")),
        session_listings.session(session, pool, ())["text/plain"],
    ):  # fmt: skip
        assert "not isolated (process)" in shown


def test_a_session_says_what_it_is_in_and_when_it_ends() -> None:
    pool = SessionPoolState("python", ContainerType.PYTHON, cooldown_seconds=300)
    state = SessionState("lab", "python", Backend.POOL, NOW, NOW, NOW, HYPER_V, "PythonLTS")
    shown = session_listings.session(state, pool, ["a.csv"])["text/plain"]
    for words in ("session pool python, PythonLTS", "isolated (Hyper-V)", "does not reach it", "after 5 min", "a.csv"):
        assert words in shown


def test_names_of_a_session_are_shown_without_their_escapes() -> None:
    files = [SessionFile("\x1b]0;t\x07a\u202e.csv", 10, NOW)]
    assert "  a.csv" in repr(session_listings.files(files, session="lab"))
    assert "<b>" not in session_listings.files([SessionFile("<b>")], session="lab")._repr_html_()


def test_ready_instances_of_a_custom_pool_cost_their_share_of_a_node() -> None:
    price = pool_price(ContainerType.CUSTOM, 2.0, 4 * 2**30, "eastus")
    assert price.ready_hour_usd is not None
    twice = pool_price(ContainerType.CUSTOM, 4.0, 8 * 2**30, "eastus").ready_hour_usd
    assert twice is not None
    assert abs(twice - 2 * price.ready_hour_usd) < 1e-9
    shown = session_listings.planned(custom(ready_sessions=3), "would warm")["text/plain"]
    assert "3 kept ready, $" in shown
    assert price.region in shown


def test_ready_instances_of_a_built_in_pool_cost_nothing_of_their_own() -> None:
    pool = SessionPoolState("python", ContainerType.PYTHON, ready_sessions=2, location="eastus")
    shown = session_listings.pool(pool)["text/plain"]
    assert "2 kept ready, at no cost of their own" in shown
    assert "for each hour it begins" in shown
