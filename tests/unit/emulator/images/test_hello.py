"""The hello server: a real process of the standard library alone."""

from __future__ import annotations

import signal
import socket
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


@pytest.mark.process
def test_an_answer_leaves_in_one_packet():
    """In two, the second waits some 40 ms for the first to be acknowledged."""
    command = [sys.executable, "-I", "-S", str(Path(hello.__file__))]
    with subprocess.Popen(command, env={"CONTAINER_APP_PORT": "0"}, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split(":")[1].rstrip(".\n"))
        with socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = caller.recv(65536)
        server.terminate()

    assert answer.endswith(b"</html>\n")


def test_names_are_escaped_in_the_page():
    assert "<b>" not in hello.page({"CONTAINER_APP_NAME": "<b>"})
