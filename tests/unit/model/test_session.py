"""What is known of a session."""

from __future__ import annotations

import pytest

from aca_notebook.model.session import SessionState


@pytest.mark.parametrize(("identifier", "name"), [("aca-lab", "lab"), ("aca-labs", "aca-labs"), ("aca-", "aca-")])
def test_a_name_that_was_lengthened_for_the_platform_is_told_as_it_was_given(identifier: str, name: str) -> None:
    assert SessionState(identifier, "python").name == name
