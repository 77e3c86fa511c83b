from __future__ import annotations

from datetime import timedelta

import pytest

from aca_notebook.api.sessions_places import choose_pool, identifier_of
from aca_notebook.errors import NameRefused, UsageFailed
from aca_notebook.model.session import SessionPoolState


@pytest.mark.parametrize(
    ("egress", "minutes", "name"),
    [(None, None, "python"), (False, 5, "python"), (True, None, "pythonegress"), (True, 30, "pythonegress30m")],
)
def test_a_pool_of_ours_is_called_after_what_it_is(egress, minutes, name: str) -> None:
    choice = choose_pool("", egress=egress, ttl=None if minutes is None else timedelta(minutes=minutes))
    assert (choice.name, choice.ours) == (name, True)


@pytest.mark.parametrize("seconds", [60, 3601])
def test_a_time_that_no_pool_can_have_is_refused(seconds: int) -> None:
    with pytest.raises(UsageFailed, match="5 to 60 minutes"):
        choose_pool("", egress=None, ttl=timedelta(seconds=seconds))


def test_a_named_pool_has_to_be_what_was_asked_for() -> None:
    pool = SessionPoolState("lab", "PythonLTS", cooldown_seconds=300, egress=False)
    choose_pool("lab", egress=False, ttl=timedelta(minutes=5)).fits(pool)
    choose_pool("lab", egress=None, ttl=None).fits(pool)
    with pytest.raises(UsageFailed, match="egress off"):
        choose_pool("lab", egress=True, ttl=None).fits(pool)
    with pytest.raises(UsageFailed, match="after 5 min"):
        choose_pool("lab", egress=None, ttl=timedelta(minutes=30)).fits(pool)


@pytest.mark.parametrize("name", ["Lab", "my-pool", "ab", "1pool", "x" * 64, "../x"])
def test_names_that_azure_refuses_are_refused_before(name: str) -> None:
    with pytest.raises(NameRefused):
        choose_pool(name, egress=None, ttl=None)


def test_a_session_is_called_as_it_is_named_and_a_short_name_is_lengthened() -> None:
    assert identifier_of("lab-1") == "lab-1"
    assert identifier_of("x") == "aca-x"
    assert identifier_of("", "My Notebook.ipynb").endswith("-My-Notebook")
    for name in ("a b c d", "x" * 129, "naïve"):
        with pytest.raises(NameRefused):
            identifier_of(name)
