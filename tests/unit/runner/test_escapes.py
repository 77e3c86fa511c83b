"""Whatever a caller sends and whatever user code does: the caller gets JSON, and the access log one line."""

from __future__ import annotations

import pytest

from aca_notebook.runner import tables
from tests.fakes.asgi import request

pytestmark = pytest.mark.anyio

_HUGE_NPY = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
BODIES = {
    "a part's name is no UTF-8": (
        b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n1\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
        "no UTF-8",
    ),
    "a boundary of 300 letters": (b"--b", "multipart/form-data; boundary=" + "b" * 300, "Boundary length 300"),
    "an array that claims 8 TB": (_HUGE_NPY.ljust(127) + b"\n", tables.NPY, "claims 8000000000000 bytes, and 0 came"),
    "an array with a head of junk": (b"\x93NUMPY\x01\x00\x04\x00[[]\n", tables.NPY, "cannot be read"),
    "an array of dtype nonsense": (
        b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': [1], 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n",
        tables.NPY,
        "",
    ),
    "JSON nested without end": (b'{"x":' + b"[" * 100_000, "application/json", ""),
}


@pytest.mark.parametrize(("body", "content_type", "said"), BODIES.values(), ids=BODIES.keys())
async def test_a_body_no_parser_can_read_is_refused_and_logged(runner, body, content_type, said):
    running = runner("def f(x): return 1", "f:function")

    reply = await request(running.app, "POST", "/f", body, content_type=content_type)

    assert (reply.status, reply.error["code"]) == (422, "InvalidArguments")
    assert said in reply.error["message"]
    assert reply.headers["x-call-id"]
    assert [line["status"] for line in running.log] == [422]


async def test_an_annotations_own_validation_may_raise_anything(runner):
    running = runner(
        """
        class Strict:
            @classmethod
            def model_validate(cls, value):
                raise LookupError("no such thing")
        def f(x: Strict): return 1
        """,
        "f:function",
    )

    reply = await request(running.app, "POST", "/f", b'{"x": 1}')

    assert (reply.status, reply.error["code"]) == (422, "InvalidArguments")
    assert "no such thing" in reply.error["message"]
    assert [line["status"] for line in running.log] == [422]


RESULTS = {
    "tolist raises": "class R:\n    def tolist(self): raise RuntimeError('boom')\n",
    "tolist exits": "class R:\n    def tolist(self): raise SystemExit(3)\n",
    "tolist returns itself": "class R:\n    def tolist(self): return self\n",
    "half a surrogate pair": "def R(): return 'a\\ud800'\n",
    "an error nobody can print": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\n"
        "class R:\n    def tolist(self): raise Mute\n"
    ),
}


@pytest.mark.parametrize("called", ["def f(): return R()", "async def f(): return R()"], ids=["thread", "loop"])
@pytest.mark.parametrize("source", RESULTS.values(), ids=RESULTS.keys())
async def test_a_result_that_cannot_be_sent_says_so_whatever_its_conversion_raises(runner, source, called):
    running = runner(source + called, "f:function")

    reply = await request(running.app, "POST", "/f", b"{}")

    assert (reply.status, reply.error["code"]) == (500, "ResultNotSerializable")
    assert [line["status"] for line in running.log] == [500]


ERRORS = {
    "an exception of no kind": ("class Stop(BaseException): pass", "Stop('now')", "now"),
    "an interrupt": ("", "KeyboardInterrupt()", "KeyboardInterrupt"),
    "a cancellation of its own": ("import asyncio", "asyncio.CancelledError('mine')", "mine"),
    "the end of an iteration": ("", "StopAsyncIteration()", ""),
    "half a surrogate pair": ("", r"ValueError('a\ud800')", r"a\ud800"),
    "an integer too long to write": ("", "ValueError('n', 10**5000)", ""),
    "an error nobody can print": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError",
        "Mute()",
        "could not be made",
    ),
}


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(("source", "raised", "said"), ERRORS.values(), ids=ERRORS.keys())
async def test_whatever_a_function_raises_is_its_own_error(runner, kind, source, raised, said):
    running = runner(f"{source}\n{kind} f():\n    raise {raised}\n", "f:function")

    reply = await request(running.app, "POST", "/f", b"{}")

    assert (reply.status, reply.error["code"]) == (500, "UserError")
    assert said in reply.error["message"]
    assert [line["status"] for line in running.log] == [500]


async def test_what_fails_in_the_runner_itself_is_answered_and_logged_too(runner):
    running = runner(
        """
        class Hidden(Exception):
            @property
            def args(self):
                raise RuntimeError("no arguments")
        def f():
            raise Hidden
        """,
        "f:function",
    )

    reply = await request(running.app, "POST", "/f", b"{}")

    assert (reply.status, reply.error["code"]) == (500, "RunnerFailed")
    assert "aca logs" in reply.error["hint"]
    assert [line["status"] for line in running.log] == [500]
