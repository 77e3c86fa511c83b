"""The credentials behind the ways to sign in, as far as nobody needs to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aca_notebook.azure import faults, ways
from aca_notebook.errors import Unauthorized
from aca_notebook.model.clouds import PUBLIC

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.anyio


async def test_a_token_that_only_the_person_can_give_asks_nobody_and_says_what_to_run() -> None:
    codes: list[str] = []

    def on_code(page: str, code: str, until: datetime) -> None:
        codes.append(f"{page} {code} {until}")

    person = ways.Person(ways.DEVICE, ways.Setting(PUBLIC, persist=False), on_code=on_code)
    with pytest.raises(Unauthorized) as refused, faults.translated("the apps"):
        await person.token(PUBLIC.scope)
    assert "%aca login" in "\n".join(refused.value.lines())
    assert codes == []
