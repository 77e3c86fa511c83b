"""Bundles that need no index: one wheel, made here, and a server that shows what the wheel says."""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SERVE = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numbered


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(numbered.NUMBER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])), Handler).serve_forever()
"""


def write_bundle(wheels: Path, number: int) -> bytes:
    """Return the context of a bundle whose server answers `number`; its wheel goes to `wheels`."""
    requirement = f"numbered @ {_write_wheel(wheels, number).as_uri()}\n"
    manifest = {
        "schema": 1, "python": ".".join(platform.python_version_tuple()[:2]), "requirements": "requirements.txt",
        "command": ["python", "serve.py"],
    }  # fmt: skip
    files = {"bundle.json": json.dumps(manifest), "requirements.txt": requirement, "serve.py": _SERVE}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), compresslevel=1)


def _write_wheel(wheels: Path, number: int) -> Path:
    wheels.mkdir(exist_ok=True)
    path = wheels / f"numbered-{number}-py3-none-any.whl"
    info = f"numbered-{number}.dist-info"
    files = {
        "numbered.py": f"NUMBER = {number}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: numbered\nVersion: {number}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"numbered.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path
