"""How long the SDKs wait before they ask again."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from aca_notebook.azure.patience import Patience

pytestmark = pytest.mark.anyio


def answer(status: int, retry_after: str = "") -> SimpleNamespace:
    headers = {"Retry-After": retry_after} if retry_after else {}
    request = SimpleNamespace(method="GET")
    return SimpleNamespace(
        http_response=SimpleNamespace(status_code=status, headers=headers), http_request=request, context={}
    )


class Transport:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize(("status", "retry_after", "again"), [
    (429, "", True), (429, "5", True), (429, "60", True), (429, "61", False), (503, "372", False), (503, "", True),
    (400, "", False), (200, "5", False),
])  # fmt: skip
def test_an_answer_is_worth_another_request_unless_the_wait_is_too_long(status, retry_after, again):
    patience = Patience()
    assert patience.is_retry(patience.configure_retries({}), answer(status, retry_after)) is again


@pytest.mark.parametrize(("seconds", "told"), [("2", False), ("3", True), ("45", True)])
async def test_a_wait_that_a_person_would_notice_is_told(caplog, seconds, told):
    patience, transport = Patience(), Transport()
    with caplog.at_level(logging.WARNING):
        await patience.sleep(patience.configure_retries({}), transport, response=answer(429, seconds))
    assert transport.slept == [int(seconds)]
    assert ("trying again in" in caplog.text) is told
