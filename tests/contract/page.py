"""A notebook page without a front end, on the emulator of this test's own home; and what the emulator holds."""

from __future__ import annotations

from typing import Any

import requests
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from aca_notebook import launcher, settings
from aca_notebook.magics import aca


class Page:
    """A notebook page: cells go in, and what they showed, warned of and raised is on the screen."""

    def __init__(self) -> None:
        self._shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self._magics = aca.load(self._shell)

    def run(self, cell: str) -> str:
        """Run a cell and return the screen; it must not fail."""
        screen, error = self._run(cell)
        assert error is None, f"{cell}\n{screen}\n{error}"
        return screen

    def fails(self, cell: str) -> str:
        """Run a cell that must fail; the error's lines are on the screen."""
        screen, error = self._run(cell)
        assert error is not None, f"{cell}\n{screen}"
        return f"{screen}\n{error}\n" + "\n".join(getattr(error, "lines", tuple)())

    def value(self, name: str) -> Any:
        """A variable of the notebook."""
        return self._shell.user_ns[name]

    def close(self) -> None:
        self._magics.close()

    def _run(self, cell: str) -> tuple[str, BaseException | None]:
        with capture_output() as captured:
            result = self._shell.run_cell(cell, store_history=True)
        shown = [output.data.get("text/plain", "") for output in captured.outputs]
        return "\n".join([captured.stdout, captured.stderr, *shown]), result.error_in_exec or result.error_before_exec


def resources() -> set[str]:
    """Every resource and group of the subscription, asked past the library."""
    told = launcher.ensure_emulator(launcher.data_dir(settings.home())).environment()
    root = f"{told['AZURE_RESOURCE_MANAGER_URL']}/subscriptions/{told['AZURE_SUBSCRIPTION_ID']}"
    found = set()
    for path in ("resources", "resourcegroups"):
        answer = requests.get(
            f"{root}/{path}?api-version=2024-11-01", headers={"Authorization": f"Bearer {told['ACCESS_TOKEN']}"},
            verify=told["REQUESTS_CA_BUNDLE"], timeout=30,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found |= {each["id"].lower() for each in answer.json()["value"]}
    return found
