"""Where a call goes, and what is said when nobody is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from aca_notebook.api.calling import Endpoint
from aca_notebook.azure.calls import Reply
from aca_notebook.errors import NotFound, Unreachable
from aca_notebook.model.redaction import Redactor

SIGNATURE_KEY = "k" * 43


@dataclass
class Platform:
    """Answers at one address, knows one app; `calls` is what came to it, with the key that was shown."""

    answers_at: str
    app_fqdn: str | None
    calls: list[tuple[str, str]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, content_type: str, key: str) -> Reply:
        if not url.startswith(self.answers_at):
            raise Unreachable(f"nobody answers at {url}", refused=True)
        self.calls.append((url, key))
        return Reply(200, "application/json", b"6.0", "call-1")

    async def document(self, name: str) -> dict[str, Any]:
        if self.app_fqdn is None:
            raise NotFound(f"app {name!r} does not exist", status=404)
        return {"properties": {"configuration": {"ingress": {"fqdn": self.app_fqdn}}}}

    async def secrets(self, name: str) -> dict[str, str]:
        return {"aca-notebook-key": SIGNATURE_KEY}

    def access(self) -> Any:
        services = SimpleNamespace(calls=self, apps=self)

        async def ask(action, *, once: bool = False):
            return await action(services)

        target = SimpleNamespace(app_url=lambda fqdn: f"http://{fqdn}" if fqdn else "")
        return SimpleNamespace(ask=ask, target=target, redactor=Redactor())


@pytest.mark.anyio
async def test_the_key_goes_by_https_whatever_address_people_see():
    platform = Platform("https://127.0.0.1:18100/", "127.0.0.1:18100")
    endpoint = Endpoint("scorer", "http://127.0.0.1:18100", platform.access())
    assert await endpoint.call("score", (), {"x": 9.0, "y": 1.0}) == 6.0
    assert platform.calls == [("https://127.0.0.1:18100/score", SIGNATURE_KEY)]


@pytest.mark.anyio
async def test_an_app_whose_address_changed_is_found_at_the_new_one():
    platform = Platform("https://127.0.0.1:18200/", "127.0.0.1:18200")
    endpoint = Endpoint("scorer", "http://127.0.0.1:18100", platform.access())
    assert await endpoint.call("score", (), {"x": 9.0, "y": 1.0}) == 6.0
    assert endpoint.url == "http://127.0.0.1:18200"


@pytest.mark.anyio
async def test_an_app_that_was_taken_down_is_said_to_be_gone():
    platform = Platform("https://127.0.0.1:18200/", None)
    with pytest.raises(NotFound, match="app 'scorer' does not exist"):
        await Endpoint("scorer", "http://127.0.0.1:18100", platform.access()).call("score", (), {"x": 9.0, "y": 1.0})


@pytest.mark.anyio
async def test_an_app_that_is_where_it_was_and_silent_is_unreachable():
    platform = Platform("https://127.0.0.1:18200/", "127.0.0.1:18100")
    with pytest.raises(Unreachable):
        await Endpoint("scorer", "http://127.0.0.1:18100", platform.access()).call("score", (), {"x": 9.0, "y": 1.0})
    assert platform.calls == []
