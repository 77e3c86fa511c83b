"""What an app wrote is shown only once its secret values are known, and known as they are now."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.known_secrets import KNOWN_SECONDS, KnownSecrets
from aca_notebook.errors import AcaError, ServiceFailed, Throttled, Unauthorized, Unreachable
from aca_notebook.model.redaction import Redactor
from tests.fakes.clock import ManualClock, settled

pytestmark = pytest.mark.anyio
REFUSED = Unauthorized("not yours", status=403, code="AuthorizationFailed")
FAILURES = [
    Throttled("slower", status=429), ServiceFailed("down", status=503), Unreachable("nobody answers", refused=True),
    Unauthorized("expired", status=401, code="ExpiredAuthenticationToken"),
]  # fmt: skip


class Platform:
    """Apps whose one secret has a value that a test changes; a look fails while there are `failures`."""

    def __init__(self, *failures: AcaError) -> None:
        self.redactor = Redactor()
        self.clock = ManualClock()
        self.known = KnownSecrets(self.clock)
        self.failures = list(failures)
        self.values: dict[str, str] = {}
        self.looks: list[str] = []
        self.gate: asyncio.Event | None = None

    async def ask(self, question):
        return await question(SimpleNamespace(apps=self))

    async def secrets(self, app: str) -> dict[str, str]:
        self.looks.append(app)
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return {"token": self.value(app)}

    def value(self, app: str) -> str:
        return self.values.get(app, f"value-of-{app}")

    async def shown(self, app: str) -> str:
        """What a reader of the app's log is shown of a line that has the value."""
        await self.known.ask(self, app)  # type: ignore[arg-type]  # as much of it as is used
        return self.redactor.text(f"token is {self.value(app)}")


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_a_look_that_failed_is_none_and_the_next_reader_looks_again(failure: AcaError) -> None:
    platform = Platform(failure)
    await platform.shown("scorer")
    assert await platform.shown("scorer") == "token is [redacted]"


async def test_a_second_reader_waits_for_the_values_that_the_first_one_asked_for() -> None:
    platform = Platform()
    platform.gate = asyncio.Event()
    readers = [asyncio.create_task(platform.shown("scorer")) for _ in range(3)]
    await settled()
    assert not any(reader.done() for reader in readers)
    platform.gate.set()
    assert await asyncio.gather(*readers) == ["token is [redacted]"] * 3
    assert platform.looks == ["scorer"]


async def test_one_app_does_not_wait_for_the_values_of_another() -> None:
    platform = Platform()
    platform.gate = asyncio.Event()
    readers = [asyncio.create_task(platform.shown(app)) for app in ("one", "two")]
    await settled()
    assert platform.looks == ["one", "two"]
    platform.gate.set()
    await asyncio.gather(*readers)


async def test_a_value_that_somebody_else_changed_is_known_after_some_minutes() -> None:
    platform = Platform()
    await platform.shown("scorer")
    platform.values["scorer"] = "rotated-elsewhere"
    await platform.clock.advance(KNOWN_SECONDS)
    assert await platform.shown("scorer") == "token is [redacted]"


async def test_who_may_not_read_them_is_told_so_once_in_that_time() -> None:
    platform = Platform(REFUSED, REFUSED)
    assert await platform.shown("scorer") == await platform.shown("scorer") == "token is value-of-scorer"
    assert platform.looks == ["scorer"]
    await platform.clock.advance(KNOWN_SECONDS)
    await platform.shown("scorer")
    assert platform.looks == ["scorer"] * 2


@given(
    st.lists(
        st.tuples(st.sampled_from(["one", "two"]), st.sampled_from([None, *FAILURES]), st.floats(0, 2 * KNOWN_SECONDS))
    )
)
def test_whatever_fails_and_changes_a_look_that_was_due_and_answered_hides_the_value_of_now(steps) -> None:
    async def run() -> None:
        platform = Platform()
        answered: dict[str, float] = {}
        for number, (app, failure, pause) in enumerate(steps):
            now = platform.clock.monotonic()
            if app not in answered or now - answered[app] >= KNOWN_SECONDS:
                platform.values[app] = f"value-{number}-of-{app}"
                platform.failures = [failure] if failure else []
                shown = await platform.shown(app)
                assert ("[redacted]" in shown) == (failure is None)
                if failure is None:
                    answered[app] = now
            else:
                assert "[redacted]" in await platform.shown(app)
            await platform.clock.advance(pause)

    asyncio.run(run())
