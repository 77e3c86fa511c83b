"""The browser's half speaks the server's protocol, by a module made from it."""

from __future__ import annotations

from aca_notebook.server import typescript


def test_the_labextensions_protocol_is_the_servers() -> None:
    assert typescript.PAGE.read_text(encoding="utf-8") == typescript.page(), (
        "run `python -m aca_notebook.server.typescript`"
    )
