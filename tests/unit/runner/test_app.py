"""The runner's door, documents, errors and log."""

from __future__ import annotations

import asyncio
import html
import sys
import threading

import pytest

from aca_notebook.runner.door import Door
from aca_notebook.runner.failures import Refused
from aca_notebook.runner.manifest import BundleRefused, check
from tests.fakes.asgi import request
from tests.unit.runner.conftest import NOW

pytestmark = pytest.mark.anyio
KEY = "k-3f9a1c"


async def test_without_the_key_every_call_is_refused_and_told_how(runner):
    running = runner("def f(x): return x", "f:function", key=KEY)

    reply = await request(running.app, "POST", "/f", b'{"x": 1}')

    assert (reply.status, reply.error["code"]) == (401, "Unauthorized")
    assert "-H X-Api-Key:$(aca-notebook key scorer)" in reply.error["hint"]
    assert '"' not in reply.error["hint"], "JSON would escape it, and it would not work as pasted"
    assert KEY not in reply.body.decode()


@pytest.mark.parametrize(
    "headers",
    [{"x_api_key": KEY}, {"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}],
    ids=["header", "bearer", "lower case"],
)
async def test_the_key_lets_a_call_in(runner, headers):
    assert (await request(runner("def f(): return 1", "f:function", key=KEY).app, "POST", "/f", **headers)).json == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": "wrong"},
        {"x_api_key": KEY + "x"},
        {"authorization": f"Basic {KEY}"},
        {"cookie": f"aca_open_scorer={KEY}"},
    ],
)
async def test_anything_else_does_not(runner, headers):
    assert (
        await request(runner("def f(): return 1", "f:function", key=KEY).app, "POST", "/f", **headers)
    ).status == 401


async def test_a_runner_with_neither_key_nor_leave_to_be_public_answers_nobody(loaded):
    door = Door("", public=False)

    for headers in ({}, {b"x-api-key": b""}, {b"authorization": b"Bearer "}):
        with pytest.raises(Refused, match="no key"):
            door.admit(headers)


async def test_the_key_is_in_no_repr():
    assert KEY not in repr(Door(KEY))


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/_aca/metrics", "/_aca/gpus", "/", "/nothing"])
async def test_everything_but_health_is_behind_the_door(runner, path):
    app = runner("def f(): return 1", "f:function", key=KEY).app

    assert (await request(app, "GET", path)).status == 401
    assert (await request(app, "GET", "/_aca/health/live")).json == {"status": "ok"}


async def test_a_signed_link_is_exchanged_for_a_cookie_that_scripts_cannot_read(runner):
    app = runner("def f(): return 1", "f:function", key=KEY).app
    expires = str(int(NOW) + 60)

    opened = await request(app, "GET", f"/_aca/open?expires={expires}&signature={Door(KEY).sign(f'open:{expires}')}")
    cookie = opened.headers["set-cookie"].partition(";")[0]
    page = await request(app, "GET", "/docs", cookie=f"other=1; {cookie}")

    assert (opened.status, opened.headers["location"]) == (302, "/docs")
    assert "HttpOnly" in opened.headers["set-cookie"]
    assert KEY not in opened.headers["set-cookie"]
    assert page.status == 200


@pytest.mark.parametrize(("seconds", "signed"), [(-1, "open:"), (60, "cookie:"), (10**6, "open:")])
async def test_a_link_that_is_old_forged_or_too_long_lived_is_refused(runner, seconds, signed):
    app = runner("def f(): return 1", "f:function", key=KEY).app
    expires = str(int(NOW) + seconds)

    reply = await request(app, "GET", f"/_aca/open?expires={expires}&signature={Door(KEY).sign(signed + expires)}")

    assert reply.status == 401


async def test_a_cookie_of_an_earlier_day_is_refused():
    pair = Door(KEY, app="scorer", now=lambda: NOW).cookie(secure=True).partition(";")[0].encode()

    Door(KEY, app="scorer", now=lambda: NOW + 8 * 3600 - 1).admit({b"cookie": pair})
    with pytest.raises(Refused):
        Door(KEY, app="scorer", now=lambda: NOW + 8 * 3600 + 1).admit({b"cookie": pair})


OWN_PAGE = [
    {"sec_fetch_site": "same-origin", "origin": "http://127.0.0.1:8000"},
    {"sec_fetch_site": "none"},
    {"origin": "http://127.0.0.1:8000"},
    {"referer": "http://127.0.0.1:8000/docs?x=/"},
]
OTHER_PAGES = [
    {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:9999"},
    {"sec_fetch_site": "cross-site", "origin": "http://127.0.0.1:8000"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "null", "referer": "http://127.0.0.1:8000/docs"},
    {"referer": "http://127.0.0.1:9999/127.0.0.1:8000"},
    {},
]
WEB = "import fastapi\napp = fastapi.FastAPI()\n@app.post('/f')\ndef f(): return 1"


@pytest.mark.parametrize(("source", "export"), [("def f(): return 1", "f:function"), (WEB, "app:asgi")])
@pytest.mark.parametrize(
    ("headers", "status"), [*((each, 200) for each in OWN_PAGE), *((each, 403) for each in OTHER_PAGES)]
)
async def test_the_cookie_counts_for_calls_of_the_apps_own_page_alone(runner, source, export, headers, status):
    """Browsers send it to every port of the host, and call a page of another port the same site."""
    app = runner(source, export, key=KEY).app
    cookie = Door(KEY, app="scorer", now=lambda: NOW).cookie(secure=False).partition(";")[0]
    form = {"content_type": "application/x-www-form-urlencoded"}

    reply = await request(app, "POST", "/f", b"", host="127.0.0.1:8000", cookie=cookie, **form, **headers)
    with_key = await request(app, "POST", "/f", b"", host="127.0.0.1:8000", x_api_key=KEY, **form, **headers)

    assert (reply.status, with_key.status) == (status, 200)
    if status == 403:
        assert reply.error["code"] == "CrossOrigin"
        assert "X-Api-Key" in reply.error["hint"]


async def test_a_websocket_of_another_port_is_closed_though_it_brings_the_cookie(runner):
    web = """
        import fastapi
        app = fastapi.FastAPI()
        @app.websocket('/w')
        async def w(socket: fastapi.WebSocket):
            await socket.accept()
        """
    app = runner(web, "app:asgi", key=KEY).app
    cookie = Door(KEY, app="scorer", now=lambda: NOW).cookie(secure=False).partition(";")[0].encode()

    async def first_message(origin: bytes) -> str:
        headers = [(b"host", b"127.0.0.1:8000"), (b"cookie", cookie), (b"origin", origin)]
        scope = {"type": "websocket", "path": "/w", "headers": headers, "query_string": b"", "subprotocols": []}
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message["type"])

        await app(scope, receive, send)
        return sent[0]

    assert await first_message(b"http://127.0.0.1:9999") == "websocket.close"
    assert await first_message(b"http://127.0.0.1:8000") == "websocket.accept"


async def test_an_exception_points_at_the_cells_lines(runner):
    running = runner(
        """
        import math
        def helper(x):
            return math.sqrt(x)
        def f(x: float):
            return helper(x)
        """,
        "f:function",
    )

    error = (await request(running.app, "POST", "/f", b'{"x": -1}')).error

    assert (error["code"], error["type"], error["module"]) == ("UserError", "ValueError", "builtins")
    assert error["args"] == [error["message"]]
    assert error["traceback"] == [
        {"cell": "In[3]", "line": 5, "function": "f", "text": "return helper(x)"},
        {"cell": "In[3]", "line": 3, "function": "helper", "text": "return math.sqrt(x)"},
    ]


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_librarys_frames_are_named_by_their_module(runner, kind):
    source = f"import json\n{kind} f(): return json.loads('{{')"

    error = (await request(runner(source, "f:function").app, "POST", "/f", b"{}")).error

    assert error["type"] == "JSONDecodeError"
    assert error["traceback"][0]["cell"] == "In[3]"
    assert error["traceback"][-1]["file"] == "json/decoder.py"
    assert not any("runner" in frame.get("file", "") for frame in error["traceback"])


async def test_an_endless_recursion_stays_readable(runner):
    error = (await request(runner("def f(): return f()", "f:function").app, "POST", "/f", b"{}")).error

    assert error["type"] == "RecursionError"
    assert len(error["traceback"]) == 64


async def test_an_exception_that_holds_more_than_plain_data_sends_its_words_only(runner):
    error = (await request(runner("def f(): raise KeyError(object)", "f:function").app, "POST", "/f", b"{}")).error

    assert "args" not in error


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_leaving_the_process_is_an_error_of_the_call(runner, kind):
    served = runner(f"import sys\n{kind} f(): sys.exit(3)", "f:function")
    error = (await request(served.app, "POST", "/f", b"{}")).error

    assert error["type"] == "SystemExit"


async def test_half_a_body_is_no_call(runner):
    served = runner("ran = []\ndef f(x: int = 1) -> int:\n    ran.append(x)\n    return len(ran)", "f:function")
    coming = [{"type": "http.request", "body": b"", "more_body": True}, {"type": "http.disconnect"}]
    answered = []

    async def receive():
        return coming.pop(0)

    async def send(message):
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": "/f", "query_string": b"", "scheme": "http"}
    await served.app({**scope, "headers": [(b"content-length", b"10")]}, receive, send)

    assert answered[0]["status"] == 499
    assert (await request(served.app, "POST", "/f", b"{}")).json == 1, "the cut-off call must not have run"


@pytest.mark.parametrize(
    ("source", "kind", "last"),
    [
        ("x = 1\nimport nowhere_at_all", "ModuleNotFoundError", "import nowhere_at_all"),
        ("x = 1\ny = 1 / 0", "ZeroDivisionError", "y = 1 / 0"),
        ("x = 1\nraise SystemExit(2)", "SystemExit", "raise SystemExit(2)"),
    ],
)
def test_an_import_that_fails_points_at_the_cells_line(loaded, source, kind, last):
    with pytest.raises(Refused) as failed:
        loaded(f"{source}\ndef f(): pass", "f:function")

    assert (failed.value.code, failed.value.fields["type"]) == ("ImportFailed", kind)
    assert failed.value.fields["traceback"][-1] == {"cell": "In[3]", "line": 2, "function": "<module>", "text": last}


def test_a_class_that_cannot_be_made_says_so(loaded):
    with pytest.raises(Refused) as failed:
        loaded("class M:\n    def __init__(self): raise OSError('no weights')\n    def go(self): pass", "M:class")

    assert (failed.value.code, str(failed.value)) == ("EnterFailed", "no weights")


async def test_what_is_not_there_lists_what_is(runner):
    app = runner("def a(): pass\ndef b(): pass", "a:function", "b:function").app

    missing = await request(app, "POST", "/c", b"{}")
    wrong_method = await request(app, "GET", "/a")

    assert (missing.status, missing.error["functions"]) == (404, ["/a", "/b"])
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")


async def test_a_trailing_slash_makes_no_difference(runner):
    assert (await request(runner("def a(): return 1", "a:function").app, "POST", "/a/", b"{}")).json == 1


async def test_each_call_is_one_line_of_the_log(runner):
    running = runner("def f(x): return 'abc'", "f:function")

    reply = await request(running.app, "POST", "/f", b'{"x": 1}', x_call_id="call-1")
    await request(running.app, "POST", "/f", b'{"x":')
    await request(running.app, "GET", "/_aca/health/live")

    first, second = running.log
    assert reply.headers["x-call-id"] == "call-1"
    assert first | {"queue_seconds": 0, "run_seconds": 0} == {
        "event": "call",
        "id": "call-1",
        "function": "f",
        "status": 200,
        "queue_seconds": 0,
        "run_seconds": 0,
        "bytes_in": 8,
        "bytes_out": 5,
    }
    assert (second["status"], len(second["id"])) == (422, 32)


async def test_metrics_count_calls_by_function_and_status(runner):
    app = runner("def f(x: int): return x", "f:function").app
    for body in (b'{"x": 1}', b'{"x": 2}', b"{}"):
        await request(app, "POST", "/f", body)

    text = (await request(app, "GET", "/_aca/metrics")).body.decode()

    assert 'aca_calls_total{function="f",status="200"} 2' in text
    assert 'aca_calls_total{function="f",status="422"} 1' in text
    assert 'aca_call_seconds_bucket{function="f",le="+Inf"} 3' in text
    assert "aca_calls_in_flight 0" in text


async def test_health_is_answered_while_functions_compute(runner):
    gate = threading.Event()
    running = runner("def f(): return gate.wait(20)", "f:function")
    running.app._services.by_path["f"].call.__globals__["gate"] = gate

    busy = [asyncio.create_task(request(running.app, "POST", "/f", b"{}")) for _ in range(3)]  # one more than threads
    await asyncio.sleep(0)
    health = await request(running.app, "GET", "/_aca/health/live")
    gate.set()

    assert health.status == 200
    assert [reply.json for reply in await asyncio.gather(*busy)] == [True, True, True]


async def test_the_description_is_complete(runner):
    app = runner(
        """
        from dataclasses import dataclass
        from typing import Literal, TypedDict
        import numpy as np
        @dataclass
        class Point:
            x: float
            "across"
        class Row(TypedDict):
            name: str
        def f(p: Point, mode: Literal["a", "b"] = "a", rows: list[Row] = (), w: np.ndarray = 0) -> dict[str, float]:
            "Sum.\\n\\nOf everything."
        class M:
            def go(self, x: int) -> Point: ...
        """,
        "f:function",
        "M:class",
        entry="f",
    ).app

    described = (await request(app, "GET", "/openapi.json")).json

    assert described["openapi"] == "3.1.0"
    assert sorted(described["paths"]) == ["/", "/M/go", "/f"]
    schemas = described["components"]["schemas"]
    takes = schemas[
        described["paths"]["/f"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    ]
    assert takes["required"] == ["p"]
    assert takes["properties"]["mode"] == {"enum": ["a", "b"], "default": "a"}
    assert schemas["Point"]["properties"] == {"x": {"type": "number"}}
    assert schemas["Row"]["required"] == ["name"]
    assert described["paths"]["/f"]["post"]["summary"] == "Sum."
    answer = described["paths"]["/f"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"type": "object", "additionalProperties": {"type": "number"}}


async def test_methods_of_one_name_are_described_apart(runner):
    app = runner(
        "def go(x: int): pass\nclass A:\n    def go(self, y: str): pass\nclass B:\n    def go(self, z: bool): pass",
        "go:function",
        "A:class",
        "B:class",
    ).app

    described = (await request(app, "GET", "/openapi.json")).json
    content = {path: methods["post"]["requestBody"]["content"] for path, methods in described["paths"].items()}
    schemas = {path: each["application/json"]["schema"]["$ref"].rpartition("/")[2] for path, each in content.items()}

    assert {
        path: described["components"]["schemas"][name]["required"] for path, name in schemas.items() if path != "/"
    } == {
        "/go": ["x"],
        "/A/go": ["y"],
        "/B/go": ["z"],
    }


async def test_the_page_fetches_nothing_from_elsewhere(runner):
    app = runner('def f(x: int): "a <b> c"', "f:function").app

    page = (await request(app, "GET", "/docs")).body.decode()

    assert "http:" not in page
    assert "https:" not in page
    assert "a &lt;b&gt; c" in page


@pytest.mark.parametrize(
    "takes",
    ["int", "float", "str", "bool", "list", "dict", "list[int]", "list[list[float]]", "np.ndarray", "pd.DataFrame"],
)
async def test_the_example_on_the_page_is_taken_by_the_function(runner, takes):
    app = runner(f"import numpy as np, pandas as pd\ndef f(x: {takes}): return str(x)", "f:function").app

    page = (await request(app, "GET", "/docs")).body.decode()
    example = html.unescape(page.partition('as JSON">')[2].partition("</textarea>")[0])

    assert "null" not in example
    assert (await request(app, "POST", "/f", example.encode())).status == 200


async def test_extra_positional_arguments_are_spelled_as_their_author_did(runner):
    app = runner("def f(x: int = 4, *rest: int, scale: float = 1.0, **more): ...", "f:function").app

    reply = await request(app, "POST", "/f", b'{"x": "a"}')

    assert "(x: int = 4, *rest: int, scale: float = 1.0, **more)" in reply.error["hint"]


async def test_a_browser_gets_its_errors_as_a_page(runner):
    reply = await request(runner("def f(): pass", "f:function", key=KEY).app, "GET", "/docs", accept="text/html")

    assert (reply.status, reply.headers["content-type"]) == (401, "text/html; charset=utf-8")


@pytest.mark.parametrize("field", ["schema", "protocol", "python"])
def test_a_bundle_of_another_kind_is_refused_before_anything_is_read(field):
    document = {"schema": 1, "protocol": 1, "python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    check(document)

    with pytest.raises(BundleRefused, match="deploy the cell again"):
        check({**document, field: "2.7"})
