"""`%aca` beside `az`: the magic in a shell of its own, on the same emulator and resource group."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from aca_notebook.api.workspace import Workspace
from aca_notebook.azure.credential import client_secret
from aca_notebook.azure.target import Target
from aca_notebook.magics.aca import AcaMagics
from tests.azure_cli.shell import FOLDER, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator


class Magic:
    """Runs cells; what they showed is text."""

    def __init__(self, workspace: Workspace, shell: InteractiveShell) -> None:
        self.workspace = workspace
        self._shell = shell

    def __call__(self, cell: str) -> str:
        """Run a cell, which must succeed; return what it showed."""
        text, error = self._run(cell)
        assert error is None, f"{cell}\n{text}\n{error}"
        return text

    def refused(self, cell: str) -> str:
        """Run a cell, which must fail in our words; return them."""
        text, error = self._run(cell)
        assert error is not None, f"{cell}\n{text}"
        return "\n".join(error.lines())

    def _run(self, cell: str) -> tuple[str, object]:
        with capture_output() as captured:
            result = self._shell.run_cell(cell, store_history=True)
        shown = "" if result.result is None else repr(result.result)
        texts = [output.data.get("text/plain", "") for output in captured.outputs]
        return "\n".join(filter(None, [shown, *texts])), result.error_in_exec or result.error_before_exec


def target(emulator: RealEmulator, group: str, environment: str) -> Target:
    """The emulator as a target, in a resource group that `az` has made."""
    told = emulator.environment
    return Target(
        name="local", subscription_id=told["AZURE_SUBSCRIPTION_ID"], resource_group=group, environment=environment,
        location="eastus", registry="local", registry_server="local.azurecr.io",
        credential=client_secret(
            authority=told["AZURE_AUTHORITY_HOST"], tenant_id=told["AZURE_TENANT_ID"],
            client_id=told["AZURE_CLIENT_ID"], secret=told["AZURE_CLIENT_SECRET"], connect_retries=0,
        ),
        resource_manager=told["AZURE_RESOURCE_MANAGER_URL"], log_analytics=told["AZURE_RESOURCE_MANAGER_URL"],
        metrics=told["AZURE_RESOURCE_MANAGER_URL"], retail_prices=told["AZURE_RESOURCE_MANAGER_URL"],
        ca_bundle=Path(told["SSL_CERT_FILE"]), polling_seconds=0.05, connect_retries=0, use_proxy_settings=False,
        charges=False,
    )  # fmt: skip


@contextlib.contextmanager
def magic_in(emulator: RealEmulator, group: str, environment: str) -> Iterator[Magic]:
    """A shell with the magic, whose workspace is closed at the end."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    with Workspace(target(emulator, group, environment)) as workspace:
        magics = AcaMagics(shell, lambda *_, **__: workspace)
        shell.register_magics(magics)
        yield Magic(workspace, shell)
    InteractiveShell.clear_instance()


def script(az: Az, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines as a shell does, in which `az` is the real one."""
    function = f'az() {{ {shlex.quote(str(interpreter()))} -m azure.cli "$@"; }}\nset -eu\n'
    return subprocess.run(
        ["bash", "-c", function + text], env={**az.environment, **variables, "PATH": f"{FOLDER / 'bin'}:/usr/bin:/bin"},
        cwd=az.folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=600,
    )  # fmt: skip
