"""What the MCP server of a session pool offers, and what code each of its tools means. Pure.

Documented (Container Apps: "MCP servers overview", the tutorials on MCP with dynamic sessions): three tools whatever
the pool holds, `structuredContent` with `environmentId`, `stdout` and `stderr`, protocol 2025-03-26, the server's name.
Seen with PythonLTS beside those: `launchPythonEnvironment`. An environment is the identifier of a session, allocated by
the first call that runs something. Unconfirmed: `exitCode`, `executionResult`, codes of errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.sessions.calls import MOST_SECONDS
from aca_notebook.emulator.sessions.execution import Code, Status
from aca_notebook.emulator.sessions.pool import Kind, is_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.sessions.execution import Execution

Json = dict[str, Any]
PROTOCOL = "2025-03-26"
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, FAILED = -32700, -32600, -32601, -32602, -32000
LAUNCHES = ("launchShell", "launchPythonEnvironment")
SHELL, PYTHON = "runShellCommandInRemoteEnvironment", "runPythonCodeInRemoteEnvironment"

#: A shell's command in an interpreter of Python: what it writes is written on, its exit code is the last expression.
_IN_PYTHON = """
def _aca_shell(command):
    import subprocess, sys
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    sys.stdout.write(ended.stdout.decode("utf-8", "replace"))
    sys.stderr.write(ended.stderr.decode("utf-8", "replace"))
    return ended.returncode
_aca_shell({command!r})
"""


class Refused(Exception):
    """A JSON-RPC error: its code and what to say."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Asked:
    """One message: a request, or a notification, which has no id and gets no answer."""

    id: str | float | None
    method: str
    params: Mapping[str, Any]
    notifies: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A call of a tool that runs something."""

    environment: str
    code: Code


def read_message(body: object) -> Asked:
    """Read one JSON-RPC message. Raises `Refused`."""
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise Refused(INVALID_REQUEST, "A message needs 'jsonrpc': '2.0' and a 'method'.")
    id_, params = body.get("id"), body.get("params")
    if id_ is not None and (isinstance(id_, bool) or not isinstance(id_, str | int | float)):
        raise Refused(INVALID_REQUEST, "'id' must be a text or a number.")
    if params is not None and not isinstance(params, dict):
        raise Refused(INVALID_PARAMS, "'params' must be an object.")
    return Asked(id_, body["method"], params or {}, notifies="id" not in body)


def initialized() -> Json:
    """What `initialize` is answered; the client takes this version or goes."""
    return {
        "protocolVersion": PROTOCOL,
        "capabilities": {"tools": {"call": True, "list": True}},
        "serverInfo": {"name": "Microsoft Container Apps MCP Server", "version": "1.0.0"},
    }


def tools() -> list[Json]:
    """Every tool, as `tools/list` answers it."""
    environment = {"type": "string", "description": "What launching an environment answered."}
    command = {
        "environmentId": environment,
        "shellCommand": {"type": "string", "description": "A command for the shell."},
        "execCommandAndArgs": {
            "type": "array", "items": {"type": "string"}, "description": "A program and its arguments, as they are.",
        },
    }  # fmt: skip
    code = {"environmentId": environment, "pythonCode": {"type": "string", "description": "Python to run."}}
    return [
        _tool("launchShell", "Creates an environment and returns its environmentId.", {}),
        _tool("launchPythonEnvironment", "Creates a Python environment and returns its environmentId.", {}),
        _tool(SHELL, "Runs a shell command in an environment.", command, "environmentId"),
        _tool(PYTHON, "Runs Python in an environment; variables last.", code, "environmentId", "pythonCode"),
    ]


def read_run(name: str, arguments: Mapping[str, Any], kind: Kind) -> Run:
    """Return what a call of a tool runs, in a pool of that kind. Raises `Refused`."""
    environment = arguments.get("environmentId")
    if not isinstance(environment, str) or not is_identifier(environment):
        raise Refused(INVALID_PARAMS, "'environmentId' must be what launching an environment answered.")
    if kind not in {Kind.PYTHON, Kind.SHELL}:
        raise Refused(FAILED, f"Sessions of {kind} have no tool for that.")
    return Run(environment, _python(arguments, kind) if name == PYTHON else _command(arguments, kind))


def told(execution: Execution, *, shell: bool) -> Json:
    """What a tool that ran something answers."""
    found: Json = {"stdout": execution.stdout, "stderr": execution.stderr}
    failed = execution.status is not Status.SUCCEEDED
    if shell:
        code = execution.exit_code if execution.exit_code is not None else execution.result
        found["exitCode"] = code if isinstance(code, int) else 1
    else:
        found["executionResult"] = execution.result
    return result(found, failed=failed)


def result(structured: Json, *, failed: bool = False) -> Json:
    """A tool's answer: as the client's program reads it, and the same as text, for models."""
    text = json.dumps(structured, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, "isError": failed}


def answer(id_: str | float | None, answered: Json) -> Json:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": id_, "result": answered}


def error(id_: str | float | None, refused: Refused) -> Json:
    """The refusal of a request."""
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": refused.code, "message": refused.message}}


def _python(arguments: Mapping[str, Any], kind: Kind) -> Code:
    source = _text(arguments, "pythonCode")
    return Code(source, MOST_SECONDS) if kind is Kind.PYTHON else Code("", MOST_SECONDS, ("python3", "-c", source))


def _command(arguments: Mapping[str, Any], kind: Kind) -> Code:
    words = arguments.get("execCommandAndArgs")
    if words is None:
        source = _text(arguments, "shellCommand")
        if kind is Kind.SHELL:
            return Code(source, MOST_SECONDS)
        words = ["bash", "-c", source]
    elif not isinstance(words, list) or not words or not all(isinstance(each, str) for each in words):
        raise Refused(INVALID_PARAMS, "'execCommandAndArgs' must be a list of texts, the program first.")
    if kind is Kind.SHELL:
        return Code("", MOST_SECONDS, tuple(words))
    return Code(_IN_PYTHON.format(command=words), MOST_SECONDS)


def _tool(name: str, description: str, properties: Json, *required: str) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "description": description, "inputSchema": schema}


def _text(arguments: Mapping[str, Any], name: str) -> str:
    found = arguments.get(name)
    if not isinstance(found, str) or not found:
        raise Refused(INVALID_PARAMS, f"'{name}' must be a text.")
    return found
