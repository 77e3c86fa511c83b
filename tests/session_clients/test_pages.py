"""The how-to pages' own Python, run as it stands in an environment that has the client and nothing of ours."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.documents import blocks
from tests.session_clients.conftest import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.real_emulator import RealEmulator


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("give-langchain-a-sandbox", ['"result": 1000', "['cities.csv']"]),
        ("give-llamaindex-a-sandbox", ["1000", "['.png']"]),
        ("give-autogen-a-sandbox", ["0 42"]),
        ("give-an-mcp-client-a-sandbox", ["runPythonCodeInRemoteEnvironment", "42\n", "3 False"]),
        ("give-semantic-kernel-a-sandbox", ["Status:\nSuccess\nResult:\n42\nStdout:\nhello\n"]),
    ],
)
def test_a_pages_code_runs_and_says_what_it_should(
    emulator: RealEmulator, pools: Callable[[str], str], page: str, said: list[str]
) -> None:
    (code,) = blocks(f"how-to/{page}.md", "python")
    endpoint = pools("PythonLTS")
    named = {"AZURE_POOL_MANAGEMENT_ENDPOINT": endpoint, "ACA_POOL_MANAGEMENT_ENDPOINT": endpoint}
    done = subprocess.run(
        [str(FOLDER / "bin" / "python"), "-c", code],
        env={"PATH": os.environ["PATH"], "HOME": str(emulator.folder), **emulator.environment, **named},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    for words in said:
        assert words in done.stdout
