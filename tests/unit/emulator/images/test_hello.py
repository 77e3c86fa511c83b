"""The hello server: a real process of the standard library alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from aca_notebook.emulator.runtime import hello


@pytest.mark.process
def test_it_listens_on_the_port_it_is_given_answers_every_path_and_ends_on_term():
    environment = {"CONTAINER_APP_PORT": "0", "CONTAINER_APP_NAME": "greeter"}
    command = [sys.executable, "-I", "-S", str(Path(hello.__file__))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().split(":")[1].rstrip(".\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/any/path") as answer:
            body = answer.read().decode()
        server.send_signal(signal.SIGTERM)

        assert server.wait(timeout=5) == 0
    assert "greeter is running" in body


def test_names_are_escaped_in_the_page():
    assert "<b>" not in hello.page({"CONTAINER_APP_NAME": "<b>"})
