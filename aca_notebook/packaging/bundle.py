"""The bundle: one deterministic archive that a registry builds into an image and a runner serves."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from aca_notebook.packaging.data import size_text
from aca_notebook.runner.manifest import PROTOCOL, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from aca_notebook.packaging.capture import Capture
    from aca_notebook.packaging.data import Datum
    from aca_notebook.packaging.exports import Export, Parameter
    from aca_notebook.packaging.requirements import Lock

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MODULE = "cell"
COMMAND = ("python", "-m", "aca_notebook.runner")

DOCKERFILE = """\
FROM python:{python}-slim
RUN pip install --no-cache-dir --disable-pip-version-check uv
RUN useradd --create-home --uid 10001 app
WORKDIR /bundle
COPY requirements.txt ./
RUN uv pip install --system --no-cache --compile-bytecode --requirements requirements.txt
COPY . .
USER app
ENV PYTHONUNBUFFERED=1
EXPOSE 8000
CMD {command}
"""

STAND_IN = '''\
"""Stands in for aca_notebook in the container: the marks a cell may use, and the runner."""

from aca_notebook.runner.standin import cls, enter, method

__all__ = ["cls", "enter", "method"]
'''


@dataclass(frozen=True, slots=True)
class Shipped:
    """One line of the preview: what goes along, of which kind, how large, and what there is to say about it."""

    name: str
    kind: str
    size_bytes: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a deploy uploads.

    `digest` is over sources, lock and the canonical encoding of data: labels of cells, which change on every run, and
    the order of a dict do not count. `manifest` is `bundle.json`.
    """

    digest: str
    manifest: dict[str, Any]
    preview: tuple[Shipped, ...]
    files: tuple[tuple[str, bytes], ...] = field(repr=False)

    def archive(self) -> bytes:
        """Return the context as a gzipped tar: sorted, without times, owners or anything of this machine."""
        packed = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0, filename="") as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path, content in self.files:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
        return packed.getvalue()


def build(capture: Capture, lock: Lock) -> Bundle:
    """Put a captured cell, its packages and the runner together."""
    sources = dict(source_files(capture, lock))
    digest = digest_of(capture, sources)
    manifest = {
        "schema": SCHEMA,
        "protocol": PROTOCOL,
        "digest": digest,
        "python": PYTHON,
        "requirements": "requirements.txt",
        "command": list(COMMAND),
        "module": MODULE,
        "entry": capture.entry,
        "exports": [export_of(each) for each in capture.exports],
        "data": [
            {"name": each.name, "format": each.format, "file": f"app/data/{each.file}", "bytes": each.size}
            for each in capture.data
            if each.file
        ],
        "lines": [
            {"line": run.line, "count": run.count, "cell": run.cell, "cell_line": run.cell_line}
            for run in capture.lines
        ],
    }
    files = {**sources, **{f"app/data/{each.file}": each.bytes for each in capture.data if each.file}}
    files["bundle.json"] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    return Bundle(digest, manifest, preview_of(capture, lock, sources), tuple(sorted(files.items())))


def source_files(capture: Capture, lock: Lock) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the context that is source: path → content."""
    yield "Dockerfile", DOCKERFILE.format(python=PYTHON, command=json.dumps(COMMAND)).encode()
    yield "requirements.txt", lock.text.encode()
    yield f"app/{MODULE}.py", capture.module_source.encode()
    yield "aca_notebook/__init__.py", STAND_IN.encode()
    for module in capture.local_modules:
        for path, content in module.files:
            yield f"app/{path}", content
    yield from runner_files(resources.files("aca_notebook.runner"), "aca_notebook/runner")


def runner_files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield the runner's own modules."""
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_file() and each.name.endswith(".py"):
            yield f"{path}/{each.name}", each.read_bytes()


def digest_of(capture: Capture, sources: dict[str, bytes]) -> str:
    """Return `sha256:…` over what decides how the bundle behaves."""
    lines = [f"{path} {hashlib.sha256(content).hexdigest()}" for path, content in sorted(sources.items())]
    lines += [f"data {each.name} {each.format} {each.digest}" for each in sorted(capture.data, key=lambda d: d.name)]
    lines += [f"serve {each.name} {each.kind}" for each in capture.exports]
    lines += [f"entry {capture.entry}", f"python {PYTHON}", f"schema {SCHEMA} {PROTOCOL}"]
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def export_of(export: Export) -> dict[str, Any]:
    """Write an export as `bundle.json` holds it."""
    written: dict[str, Any] = {"name": export.name, "kind": export.kind, "doc": export.doc}
    if export.kind in {"function", "method"}:
        written["parameters"] = [_parameter(each) for each in export.parameters]
    if export.methods:
        written["methods"] = [export_of(each) for each in export.methods]
    return written


def _parameter(parameter: Parameter) -> dict[str, Any]:
    written = {"name": parameter.name, "kind": parameter.kind, "required": parameter.required}
    if parameter.annotation:
        written["type"] = parameter.annotation
    if parameter.default:
        written["default"] = parameter.default
    return written


def preview_of(capture: Capture, lock: Lock, sources: dict[str, bytes]) -> tuple[Shipped, ...]:
    """Return everything that ships, for the plan: what is served, the source, data, modules, packages."""
    served = [Shipped(each.name, each.kind, 0, _signature(each)) for each in capture.exports]
    source = [Shipped(f"{MODULE}.py", "source", len(capture.module_source.encode()), _cells(capture))]
    stored = [Shipped(each.name, _kind(each.format), each.size, _data_note(each)) for each in capture.data]
    local = [
        Shipped(each.name, "module", each.size, f"{len(each.files)} file{'s' * (len(each.files) > 1)} of the project")
        for each in capture.local_modules
    ]
    wanted = [Shipped(each, "package", 0) for each in lock.wanted]
    notes = [Shipped(note.split()[0], "package", 0, note) for note in lock.notes]
    runner = sum(len(content) for path, content in sources.items() if path.startswith("aca_notebook/"))
    own = Shipped("runner", "runner", runner, f"{len(lock.pins)} packages in all")
    return (*served, *source, *stored, *local, *wanted, *notes, own)


def _signature(export: Export) -> str:
    if export.kind == "class":
        return ", ".join(f"{each.name}({', '.join(p.name for p in each.parameters)})" for each in export.methods)
    return "" if export.kind == "asgi" else f"({', '.join(each.name for each in export.parameters)})"


def _cells(capture: Capture) -> str:
    cells = sorted({run.cell for run in capture.lines}, key=lambda cell: [int(n) for n in re.findall(r"\d+", cell)])
    return f"from {', '.join(cells)}"


def _kind(stored_format: str) -> str:
    return {"literal": "constant", "plain": "value"}.get(stored_format, stored_format)


def _data_note(datum: Datum) -> str:
    if datum.format == "literal":
        return datum.type_name
    if datum.format == "estimator":
        made = ", ".join(f"{name} {version}" for name, version in (datum.made_with or {}).items())
        return f"{datum.type_name}, {made}; its digest is stable only within this kernel"
    return f"{datum.type_name}, {size_text(datum.size)}"
