"""A cell as files to keep: the folder its image is built from, or a plain module that runs without us. Pure."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import TYPE_CHECKING

from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

Files = dict[str, bytes]

#: The forms that are made from a cell, and not from what the platform knows of an app.
FORMS = ("dockerfile", "py")
#: What reads stored data, and the package it needs, as the bundle pins it.
_STORED = "aca_notebook.runner.stored"
_READER = re.compile(r"^msgspec==[^\s;\\]+", re.MULTILINE)
_OURS = re.compile(r"^\s*(?:from|import) aca_notebook\b", re.MULTILINE)


def files_of(archive: bytes) -> Files:
    """Return the files of a build context."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        return {
            entry.name: content.read() for entry in packed if (content := packed.extractfile(entry)) is not None
        }  # fmt: skip


def exported(name: str, archive: bytes, form: str, wanted: tuple[str, ...] = (), example: str = "") -> Files:
    """Return a bundle as the files of a form: `dockerfile` builds anywhere, `py` is a module and its packages.

    `wanted` are the packages that the cell itself needs, `example` a JSON body that its entry takes.
    """
    files = files_of(archive)
    return files if form == "dockerfile" else _module(name, files, wanted, example)


def run_line(name: str, form: str, folder: str) -> str:
    """Return the line of a shell that runs what was written."""
    if form == "dockerfile":
        return f"docker build -t {name} {folder} && docker run -p 8000:8000 -e ACA_NOTEBOOK_PUBLIC=1 {name}"
    python = "python -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python"
    return f"cd {folder} && {python} {module_name(name)}.py"


def module_name(name: str) -> str:
    """Return what the module is called: an app's name with underscores."""
    return name.replace("-", "_")


def _module(name: str, files: Files, wanted: tuple[str, ...], example: str) -> Files:
    manifest = json.loads(files["bundle.json"])
    source = files[f"app/{manifest['module']}.py"].decode()
    own = {path.removeprefix("app/"): content for path, content in files.items() if path.startswith("app/")}
    del own[f"{manifest['module']}.py"]
    needs_us = _OURS.search(source) is not None  # the marks on classes, and what reads stored data
    ours = {path: content for path, content in files.items() if needs_us and path.startswith("aca_notebook/")}
    text = f"{source.rstrip()}\n{_main(manifest, example)}"
    reader = re.findall(_READER, files["requirements.txt"].decode()) if _STORED in source else []
    listed = "".join(f"{each}\n" for each in (*wanted, *reader))
    return {**own, **ours, f"{module_name(name)}.py": text.encode(), "requirements.txt": listed.encode()}


def _main(manifest: Mapping[str, object], example: str) -> str:
    """What runs the module by itself: the entry, called with a JSON object from the line, or with an example."""
    call = _call(manifest)
    if not call:
        return ""
    return f"""

if __name__ == "__main__":
    import json
    import sys

    given = json.loads(sys.argv[1] if len(sys.argv) > 1 else {example or "{}"!r})
    print(json.dumps({call}(**given), default=str))
"""


def _call(manifest: Mapping[str, object]) -> str:
    """How the entry is called in the module's own words; nothing for an application, which a server runs."""
    entry = str(manifest["entry"])
    exports = {str(each["name"]): each for each in manifest["exports"]}  # type: ignore[attr-defined]  # JSON
    export = exports.get(entry.partition("/")[0].partition(".")[0])
    if export is None or export["kind"] == "asgi":
        return ""
    if export["kind"] != "class":
        return entry
    methods = [str(each["name"]) for each in export.get("methods") or ()]
    return f"{export['name']}().{next((each for each in methods if each == 'predict'), methods[0])}" if methods else ""


def check_name(form: str, app: str) -> None:
    """Raise `UsageFailed` for a form that an app's resource does not tell."""
    if form in FORMS:
        raise UsageFailed(
            f"the form {form!r} is made from the cell of {app!r}, which the platform does not have",
            code="CellMissing", hint=f"in the notebook that deployed it: %aca export {app} --to {form}",
        )  # fmt: skip
