"""What an app's refusal becomes here."""

from __future__ import annotations

import json
import sys
import types

import pytest

from aca_notebook import errors
from aca_notebook.api import replies
from aca_notebook.azure.calls import Reply

FRAME = {"cell": "In[3]", "line": 4, "function": "score", "text": "return math.sqrt(x)"}


def answer(status: int, **error) -> Reply:
    return Reply(status, "application/json", json.dumps({"error": error}).encode(), "call-1")


def raised(name: str, module: str = "builtins", args: list | None = None, **more) -> BaseException:
    told = {"code": "UserError", "message": "math domain error", "type": name, "module": module, "traceback": [FRAME]}
    return replies.failure(answer(500, **told, args=["math domain error"] if args is None else args, **more), "scorer")


def test_a_builtin_exception_comes_back_as_itself_with_the_cells_own_lines():
    error = raised("ValueError")
    assert type(error) is ValueError
    assert error.args == ("math domain error",)
    assert "  In[3], line 4, in score\n    return math.sqrt(x)" in error.__notes__[0]
    assert "call-1" in error.__notes__[0]
    assert replies.is_remote(error)


def test_an_exception_class_of_the_cell_is_found_in_the_notebook(monkeypatch):
    class Overdrawn(Exception):
        pass

    monkeypatch.setattr(sys.modules["__main__"], "Overdrawn", Overdrawn, raising=False)
    assert type(raised("Overdrawn", "cell")) is Overdrawn


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Missing", "a.module.never.imported"),
        ("SystemExit", "builtins"),
        ("KeyboardInterrupt", "builtins"),
        ("print", "builtins"),
        ("Popen", "subprocess"),
    ],
    ids=["a module we have not", "an exit", "an interrupt", "a function", "a class that is no exception"],
)
def test_what_is_no_exception_of_ours_is_a_remote_error_and_nothing_is_made(name, module):
    error = raised(name, module)
    assert isinstance(error, errors.RemoteError)
    assert error.type_name == name
    assert "In[3], line 4" in error.remote_traceback
    assert error.call_id == "call-1"


def test_no_module_is_imported_because_a_server_named_it():
    sys.modules.pop("antigravity", None)
    raised("Anything", "antigravity")
    assert "antigravity" not in sys.modules


def test_a_constructor_that_refuses_the_arguments_falls_back_to_a_remote_error(monkeypatch):
    module = types.ModuleType("picky")

    class Picky(Exception):
        def __init__(self, *, needed):
            super().__init__(needed)

    module.Picky = Picky
    monkeypatch.setitem(sys.modules, "picky", module)
    assert isinstance(raised("Picky", "picky"), errors.RemoteError)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "Unauthorized", errors.Unauthorized),
        (404, "NotFound", errors.NotFound),
        (422, "InvalidArguments", errors.InvalidArguments),
        (500, "ResultNotSerializable", errors.CallFailed),
    ],
)
def test_the_runners_own_refusals_have_their_types_and_words(status, code, expected):
    error = replies.failure(answer(status, code=code, message="because", hint="do this"), "scorer")
    assert type(error) is expected
    assert error.lines() == ("because", f"{code} (request call-1)", "do this")


def test_a_missing_function_lists_those_that_are_there():
    reply = answer(404, code="NotFound", message="there is no function at /x", functions=["score", "Model/predict"])
    assert replies.failure(reply, "scorer").hint == "it serves score, Model/predict"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (502, "replica died"),
        (503, "no replica"),
        (504, "240 seconds"),
        (404, "stopped"),
        (418, "answered with an error"),
    ],
)
def test_a_page_of_the_gateway_is_explained(status, words):
    error = replies.failure(Reply(status, "text/html", b"<html>", "call-1"), "scorer")
    assert words in str(error)
    assert error.status == status
