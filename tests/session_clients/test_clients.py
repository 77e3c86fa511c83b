"""Session clients that others wrote run code, keep state, draw, upload, list and download, unmodified.

Each is a walk of its own, in an interpreter that has the client and nothing of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Walk = Callable[..., dict[str, Any]]


def test_langchains_python_tool_keeps_state_draws_and_moves_files(walk: Walk) -> None:
    assert walk("langchain_python") == {
        "answer": {"result": 42, "stdout": "hello\n", "stderr": ""},
        "state": 43,
        "failed": {"status": "Failure", "zero": True},
        "picture": {"type": "image", "format": "png", "base64_data": "iVBORw0KGgo"},
        "uploaded": ["küche 1.csv", 8, "/mnt/data/küche 1.csv"],
        "read": "'a,b\\n1,2\\n'",
        "listed": [["küche 1.csv", 8], ["out.bin", 256]],
        "downloaded": True,
    }


def test_langchains_shell_tool_runs_commands_and_moves_files(walk: Walk) -> None:
    assert walk("langchain_bash", "Shell") == {
        "first": {"exitCode": 0, "stdout": "out\n", "stderr": "err\n"},
        "failed": True,
        "uploaded": ["notes.txt", 5],
        "read": "line\n",
        "listed": ["notes.txt"],
        "downloaded": "line\n",
    }


def test_the_code_interpreter_package_runs_code_and_moves_files(walk: Walk) -> None:
    assert walk("code_interpreter") == {
        "answer": {"status": "Success", "stdout": "out\n", "stderr": "err\n", "result": "[1, 2]"},
        "uploaded": ["a.txt", 3],
        "listed": ["a.txt", "b.txt"],
        "downloaded": "ABC",
    }


def test_llama_indexs_tools_read_an_uploaded_table_and_save_a_picture(walk: Walk) -> None:
    seen = walk("llama_index_tool")
    assert seen == {
        "tools": ["code_interpreter", "list_files"],
        "uploaded": ["data.csv", 6, "/mnt/data/data.csv"],
        "summed": 7,
        "picture": {"type": "image", "format": "png", "saved_to_local_path": True},
        "saved": ["PNG"],
        "listed": ["data.csv"],
        "downloaded": "a\n3\n4\n",
    }


def test_autogens_executor_finds_packages_defines_functions_and_moves_files(walk: Walk) -> None:
    seen = walk("autogen_executor")
    assert seen["ran"][0] == 0
    assert seen["ran"][1].startswith("42\n")
    assert seen["failed"] == [1, True]
    assert seen["read"].startswith("abc\n")
    assert seen["listed"] == ["data.txt", "made.txt"]
    assert seen["downloaded"] == "made"
    assert seen["packages"] == ["matplotlib", "numpy", "pandas"]


def test_semantic_kernels_plug_in_uploads_runs_code_and_downloads(walk: Walk) -> None:
    assert walk("semantic_kernel_tool") == {
        "ran": "Status:\nSuccess\nResult:\n42\nStdout:\nabc\n\nStderr:\n",
        "uploaded": ["data.txt", 3, "/mnt/data/data.txt"],
        "listed": ["data.txt"],
        "downloaded": "abc",
    }


@pytest.mark.parametrize("kind", ["PythonLTS", "Shell"])
def test_mcps_own_client_runs_code_and_commands_in_an_environment(walk: Walk, kind: str) -> None:
    seen = walk("mcp_client", kind)
    assert seen["server"] == ["Microsoft Container Apps MCP Server", "2025-03-26"]
    assert {"launchShell", "runPythonCodeInRemoteEnvironment"} <= set(seen["tools"])
    assert (seen["python"]["stdout"], seen["python"]["failed"]) == ("out\n", False)
    assert seen["shell"]["stdout"] == "out\n"
    assert seen["shell"]["stderr"].startswith("err\n")
    assert seen["shell"]["exitCode"] == 3
    assert seen["words"]["stdout"] == "a b"
    assert (seen["kept"], seen["refused"]) == ("kept\n", True)
