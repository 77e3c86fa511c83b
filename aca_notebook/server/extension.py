"""How a Jupyter server finds us: it imports this at its start, so nothing heavy is imported here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp

from aca_notebook.server import handlers, pages

if TYPE_CHECKING:
    from aca_notebook.server.pages import Page
    from aca_notebook.server.panel import Panel


class Extension(ExtensionApp):
    """Adds our addresses to a server, and lets go of what they opened when it ends."""

    name = "aca_notebook"
    description = "What the side panel, the docks and the status bar of aca_notebook ask."
    _panel: Panel | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._making = asyncio.Lock()
        self._asking = pages.Asking()

    async def panel(self) -> Panel:
        """Return the service, which is made when it is first asked for."""
        async with self._making:
            if self._panel is None:
                self._panel = await asyncio.to_thread(_service)
            return self._panel

    def initialize_handlers(self) -> None:
        """Tell the server our addresses; it puts its base URL in front."""
        self.handlers.append((handlers.ADDRESS, handlers.PanelHandler, {"panel": self.panel}))
        self.handlers.append((pages.ADDRESS, pages.PageHandler, {"find": self.page, "asking": self._asking}))

    def page(self, word: str) -> Page | None:
        """Return the app's page that an address stands for; none before anybody asked for one."""
        return self._panel.pages.find(word) if self._panel else None

    async def stop_extension(self) -> None:
        """Let go of connections and logs; apps run on."""
        await self._asking.close()
        if self._panel is not None:
            await self._panel.close()


def _service() -> Panel:
    from aca_notebook.api.looking import Places  # half a second of SDKs
    from aca_notebook.clock import SystemClock
    from aca_notebook.server.panel import Panel

    return Panel(Places(), SystemClock())
