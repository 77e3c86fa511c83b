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
