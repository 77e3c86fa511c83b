"""Imports become a lock: every package the container installs, pinned, with hashes, resolved with the runner's own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook import settings
from aca_notebook.errors import RequirementsFailed
from aca_notebook.packaging.distributions import Distributions, normalised, requirement_name, write_whole
from aca_notebook.packaging.modules import OURS, is_standard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aca_notebook.packaging.modules import Import

#: What frames need in the container when the code works with them: Arrow carries them over the wire.
COMPANIONS = {"pandas": "pyarrow", "polars": "pyarrow"}


@dataclass(frozen=True, slots=True)
class Lock:
    """What the container installs.

    `text` is a requirements file with hashes; `wanted` are the user's packages as they were asked for, the runner's own
    not among them; `notes` are for the preview.
    """

    text: str
    wanted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def pins(self) -> tuple[str, ...]:
        """Every package with its version, without hashes and markers: `numpy==2.4.6`."""
        found = re.findall(r"^([A-Za-z0-9][^\s;\\]*(?: @ [^\s;\\]+)?)", self.text, flags=re.MULTILINE)
        return tuple(found)


def resolve(
    imports: Iterable[Import],
    *,
    pip: Sequence[str] = (),
    requirements: Path | None = None,
    python: str,
    cache: Path | None = None,
) -> Lock:
    """Pin what the cell imports to the versions installed here, and resolve it together with the runner's own packages.

    `pip` and the `requirements` file win over what is installed here. Without any package the lock is the one we ship
    and nothing is run; else uv resolves, and the answer is kept under `cache`. Raises `RequirementsFailed` for an
    import that is not installed and not asked for, a package installed from a folder, or versions that do not agree.
    """
    cache = cache or settings.home() / "cache"
    installed = Distributions(cache)
    asked, notes = requirements_of(imports, pip, _lines(requirements), installed)
    if not asked:
        return Lock(runner_lock(), (), tuple(notes))
    key = "\n".join([python, *asked, runner_lock()])
    kept = cache / "locks" / f"{hashlib.sha256(key.encode()).hexdigest()}.txt"
    if kept.is_file():
        return Lock(kept.read_text(encoding="utf-8"), tuple(asked), tuple(notes))
    text = run_resolver(asked, python, preferences(installed.inventory.versions))
    write_whole(kept, text)
    return Lock(text, tuple(asked), tuple(notes))


def requirements_of(
    imports: Iterable[Import], pip: Sequence[str], file_lines: Sequence[str], installed: Distributions
) -> tuple[list[str], list[str]]:
    """Return the requirements to resolve, sorted, and notes for the preview.

    Raises `RequirementsFailed`.
    """
    asked = {requirement_name(line) or line: line for line in file_lines}
    for each in pip:
        name = requirement_name(each)
        if not name or name == normalised(OURS):
            raise RequirementsFailed(
                f"--pip {each!r} is no package to install", hint="give a name and a version: --pip 'pandas>=2'"
            )
        known = installed.pin(name) if normalised(each.strip()) == name else None
        asked[name] = known.requirement if known is not None and not known.refused else each.strip()
    notes: list[str] = []
    found: dict[str, str] = {}
    for wanted in sorted(set(imports)):
        if wanted.root != OURS and not is_standard(wanted.root):
            found |= _pins(wanted, installed, set(asked), notes)
    for root, companion in COMPANIONS.items():
        if root in found or root in asked:
            pin = installed.pin(companion)
            found.setdefault(companion, pin.requirement if pin is not None and pin.requirement else companion)
    return sorted({**found, **asked}.values()), notes


def _pins(wanted: Import, installed: Distributions, asked: set[str], notes: list[str]) -> dict[str, str]:
    """Return the pins of the distributions behind one import, by normalised name."""
    owners = [name for name in installed.owners(wanted.module) if normalised(name) != normalised(OURS)]
    if not owners:
        if wanted.optional or normalised(wanted.root) in asked or asked & set(_guesses(wanted.root)):
            return {}
        raise RequirementsFailed(
            f"`{wanted.root}` is imported but not installed here" + _where(wanted), code="ImportNotInstalled",
            hint=f"install it, or name the package that holds it: --pip {normalised(wanted.root)}",
        )  # fmt: skip
    pins: dict[str, str] = {}
    for name in owners:
        if normalised(name) in asked:
            continue
        pin = installed.pin(name)
        if pin is None:
            continue
        if pin.refused:
            raise RequirementsFailed(
                pin.refused + _where(wanted), code="LocalDistribution",
                hint="publish it, give --pip an index or repository address, or put its source beside the notebook",
            )  # fmt: skip
        pins[normalised(name)] = pin.requirement
        if pin.note and pin.note not in notes:
            notes.append(pin.note)
    return pins


#: Modules whose package has another name, for what is not installed here but asked for with --pip.
_GUESSES = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "skimage": "scikit-image",
}


def _guesses(root: str) -> tuple[str, ...]:
    known = _GUESSES.get(root)
    return (known, f"{known}-headless") if known else (normalised(root), f"python-{normalised(root)}")


def _where(wanted: Import) -> str:
    return f" ({wanted.cell}, line {wanted.line})" if wanted.cell else ""


def run_resolver(asked: Sequence[str], python: str, preferred: str) -> str:
    """Resolve with uv, keeping the `preferred` pins wherever they fit. Raises `RequirementsFailed`."""
    from uv import find_uv_bin  # reads the file system, so not on import

    with tempfile.TemporaryDirectory(prefix="aca-lock-") as folder:
        wanted, locked = Path(folder, "requirements.in"), Path(folder, "requirements.txt")
        wanted.write_text("\n".join([*asked, runner_requirements()]) + "\n", encoding="utf-8")
        locked.write_text(preferred, encoding="utf-8")
        command = [
            find_uv_bin(), "pip", "compile", "--universal", "--python-version", python, "--generate-hashes",
            "--no-header", "--no-annotate", "--quiet", "--color", "never", "-o", str(locked), str(wanted),
        ]  # fmt: skip
        ran = subprocess.run(  # noqa: S603  # uv itself; the requirements travel in a file
            command, check=False, capture_output=True, text=True, env=uv_environment(), cwd=folder
        )
        if ran.returncode:
            raise RequirementsFailed(
                "the packages do not fit together, or cannot be found", code="ResolutionFailed",
                detail=without_credentials(ran.stderr.strip()).replace(str(folder) + "/", ""),
                hint="loosen a version with --pip, or give a --requirements file",
            )  # fmt: skip
        return locked.read_text(encoding="utf-8")


def preferences(installed: Mapping[str, str]) -> str:
    """Return the pins uv keeps where they fit: the runner's as shipped, then what is installed beside the kernel."""
    shipped = runner_lock()
    named = {requirement_name(line) for line in shipped.splitlines() if "==" in line}
    here = [
        f"{name}=={version}" for name, version in sorted(installed.items()) if name not in named and "+" not in version
    ]
    return "\n".join([shipped, *here]) + "\n"


def uv_environment() -> dict[str, str]:
    """Return the environment uv runs in: pip's own settings hold for it too, where uv has none of its own."""
    variables = dict(os.environ)
    for pip, uv in (
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
        ("PIP_CERT", "SSL_CERT_FILE"),
    ):
        if variables.get(pip) and not variables.get(uv):
            variables[uv] = variables[pip]
    return variables


def without_credentials(text: str) -> str:
    """Blank user and password in addresses."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)


def runner_lock() -> str:
    """Return the lock of the runner's own packages, as shipped."""
    return (resources.files("aca_notebook.runner") / "requirements.txt").read_text(encoding="utf-8")


def runner_requirements() -> str:
    """Return what the runner needs, as ranges."""
    return (resources.files("aca_notebook.runner") / "requirements.in").read_text(encoding="utf-8")


def _lines(file: Path | None) -> list[str]:
    """Return the requirement lines of a file, each with its continuation lines. Raises `RequirementsFailed`."""
    if file is None:
        return []
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as missing:
        raise RequirementsFailed(f"{file} cannot be read: {missing.strerror}") from missing
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line and requirement_name(line) != normalised(OURS)]
