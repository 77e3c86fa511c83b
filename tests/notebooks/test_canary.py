"""Secrets stay where they belong: looked for, byte by byte, in everything a journey leaves behind."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from aca_notebook import launcher

if TYPE_CHECKING:
    from pathlib import Path

CELLS = (
    "%load_ext aca_notebook",
    "%aca target local",
    "%aca secret set hf-token --from-env CANARY_TOKEN",
    (
        "%%aca deploy canary --secret HF_TOKEN=hf-token\n"
        "def score(x: float) -> float:\n    print('scoring', x)\n    return 2 * x"
    ),
    "score.remote(4.0)",
    "try:\n    score.remote('four')\nexcept Exception as error:\n    print(repr(error), error)",
    "app = %aca show canary\napp",
    "app, vars(app) if hasattr(app, '__dict__') else dir(app), repr(score)",
    "%aca curl canary",
    "%aca logs canary",
    "%aca why canary",
    "%aca secret list --app canary",
    "%aca export canary --to arm",
    "%aca export canary --to az",
    "%aca doctor",
    "%aca logs canary --type system",
    "%aca ps",
    "%aca metrics canary",
    "import aca_notebook as aca\nws = aca.connect('local')\nws, ws.target, ws.apps['canary']",
)
#: Where a secret of the emulator's may stand: files of mode 0600 whose purpose it is, named one by one.
ITS_PLACE = {
    "control-token": {"control-token"},
    "client-secret": {"client.json"},
    "identity-header": {"client.json"},
    "hf-token": set(),  # as the next
    "app-key": set(),  # encrypted in secrets.db, which must not show it
}


def asked(home: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aca_notebook", *words], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def forms(secret: str) -> list[bytes]:
    """The secret as it is, and as base64 would carry it from each of the three offsets."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"x" * offset + plain)[4 * bool(offset) : -4] for offset in range(3)]
    return [plain, *(form for form in shifted if len(form) > 16)]


def contents(path: Path) -> bytes:
    """A file's bytes, and those inside it when it is an archive."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw += gzip.decompress(raw)
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            raw += b"".join(archive.extractfile(member).read() for member in archive if member.isfile())
    return raw


@pytest.mark.process
@pytest.mark.timeout(180)
def test_no_secret_is_found_in_an_output_a_log_the_journal_a_bundle_or_the_saved_notebook(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    monkeypatch.setenv("CANARY_TOKEN", token_urlsafe(32))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    try:
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute()
        data = launcher.data_dir(home)
        client = json.loads((data / "client.json").read_text())
        secrets = {
            "app-key": asked(home, "key", "canary"),
            "hf-token": os.environ["CANARY_TOKEN"],
            "control-token": (data / "control-token").read_text().strip(),
            "client-secret": client["client_secret"],
            "identity-header": client["identity_header"],
        }
        assert all(len(value) >= 24 for value in secrets.values())
    finally:
        launcher.stop_emulator(launcher.data_dir(home))
    nbformat.write(notebook, home / "saved.ipynb")

    looked_at = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    kinds = {path.name for path in looked_at} | {path.suffix for path in looked_at}
    assert {"state.db", "secrets.db", ".log", "saved.ipynb", "bundle.json"} <= kinds, "the journey left too little"
    found = {
        (name, str(path.relative_to(home)))
        for path in looked_at
        if "environments" not in path.parts  # other people's packages
        for name, secret in secrets.items()
        for form in forms(secret)
        if form in contents(path) and path.name not in ITS_PLACE[name]
    }
    assert found == set()


def test_the_search_would_find_a_secret_in_plain_and_in_base64(tmp_path):
    secret = "canary-0123456789abcdefghijklmnop"
    for text in (secret.encode(), base64.b64encode(b"user:" + secret.encode())):
        assert any(form in b"before " + text + b" after" for form in forms(secret))


#: An app that does with its secret what no app should, and everything that shows what it did. Twelve places, by name.
LEAKS = {
    "the app": (
        "%%aca deploy leaky --secret HF_TOKEN=hf-token --min-replicas 1\n"
        "import base64, json, os, sys\n"
        "def leak(x: float) -> float:\n"
        "    token = os.environ['HF_TOKEN']\n"
        "    print('my token is', token)\n"
        "    print(json.dumps({'level': 'error', 'token': token}), file=sys.stderr)\n"
        "    print('as base64', base64.b64encode(token.encode()).decode())\n"
        "    if x > 1:\n        raise ValueError(f'{token} does not work')\n"
        "    return x"
    ),
    "the text of an exception": (
        "try:\n    leak.remote(2.0)\nexcept ValueError as error:\n    print(error, repr(error))"
    ),
    "the traceback of an exception": "leak.remote(2.0)",
    "the console log": "leak.remote(1.0)\n%aca logs leaky",
    "a followed log": (
        "lines = iter(ws.apps['leaky'].logs(follow=True))\n"
        "print(next(line for line in lines if 'my token' in line.text))"
    ),
    "a log as a table": "ws.apps['leaky'].logs().to_frame().to_csv()",
    "the system log": "%aca logs leaky --type system",
    "a query of the history": "%aca query \"ContainerAppConsoleLogs_CL | where Log_s contains 'token'\"",
    "why": "%aca why leaky",
    "the app's repr": "app = ws.apps['leaky']\nprint(app, vars(app), leak)\napp",
    "an export": "%aca export leaky --to arm",
    "the calls and lines of az": "%aca secret set hf-token --app leaky --from-env CANARY_TOKEN --show-rest",
    "an app that cannot start": (
        "%%aca deploy broken --secret HF_TOKEN=hf-token\n"
        "import os\n"
        "if 'CONTAINER_APP_NAME' in os.environ:\n    raise RuntimeError('bad token ' + os.environ['HF_TOKEN'])\n"
        "def f(x: float) -> float:\n    return x"
    ),
}


@pytest.mark.process
@pytest.mark.timeout(180)
def test_a_secret_that_an_app_gives_away_is_struck_out_wherever_it_would_show(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    monkeypatch.setenv("CANARY_TOKEN", token_urlsafe(32))
    first = (*CELLS[:3], "import aca_notebook as aca\nws = aca.connect('local')")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (*first, *LEAKS.values())]
    )
    try:
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": tmp_path}}
        ).execute()
    finally:
        launcher.stop_emulator(launcher.data_dir(home))
    written = nbformat.writes(notebook).encode()
    shown = {
        place: json.dumps(cell.outputs).encode()
        for place, cell in zip(LEAKS, notebook.cells[len(first) :], strict=True)
    }
    secret = os.environ["CANARY_TOKEN"]
    assert [place for place, output in shown.items() if any(form in output for form in forms(secret))] == []
    assert not any(form in written for form in forms(secret)), "every byte of the saved notebook"
    struck = [place for place, output in shown.items() if b"[redacted]" in output]
    assert {
        "the text of an exception",
        "the traceback of an exception",
        "the console log",
        "a followed log",
        "a log as a table",
        "a query of the history",
        "an app that cannot start",
    } <= set(struck), "it was there to be struck out"
