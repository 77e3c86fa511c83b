"""What sessions may import and this environment lacks: fetched beside them, waited for by who imports it alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aca_notebook.emulator.sessions import kernel_start, packages
from aca_notebook.emulator.sessions.kernel_start import MADE
from aca_notebook.emulator.sessions.packages import Packages

pytestmark = pytest.mark.process
#: In the place of `uv`: puts one module where it is told to, when a file is there; fails when there is another.
_UV = """#!{python}
import pathlib, sys, time
here = pathlib.Path({here!r})
while not (here / "go").exists():
    time.sleep(0.01)
if (here / "fail").exists():
    sys.exit("no network")
target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
(target / "not_here_yet").mkdir(parents=True)
(target / "not_here_yet" / "__init__.py").write_text("value = 42")
"""
_IMPORTS = """
import sys
sys.path.insert(0, {here!r})
from kernel_start import Awaited
sys.meta_path.append(Awaited({place!r}, frozenset(["not_here_yet"])))
sys.path.insert(0, {place!r})
try:
    import no_such_module
except ModuleNotFoundError as missing:
    print(missing, flush=True)
try:
    import not_here_yet
    print(not_here_yet.value, flush=True)
except ModuleNotFoundError as missing:
    print(missing, flush=True)
"""


@pytest.fixture
def uv(tmp_path: Path) -> Path:
    found = tmp_path / "uv"
    found.write_text(_UV.format(python=sys.executable, here=str(tmp_path)))
    found.chmod(0o755)
    return found


def lacking(folder: Path, uv: Path) -> Packages:
    environment = {name: value for name, value in os.environ.items() if name != packages.GIVEN}
    return Packages(folder, uv=str(uv), environment=environment, of_azure={"not-here-yet": "not_here_yet"})


def importing(place: Path) -> subprocess.Popen[str]:
    here = str(Path(kernel_start.__file__).parent)
    source = _IMPORTS.format(here=here, place=str(place))
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)


async def fetched(folder: Path, uv: Path, *files: str) -> tuple[list[str], bool]:
    """Import in another program before anything is there, let the fetching end; return what it said, and if waited."""
    made = lacking(folder, uv)
    try:
        made.prepare()
        assert made.awaited == ("not_here_yet",)
        assert made.place is not None
        with importing(made.place) as program:
            assert program.stdout is not None
            first = await asyncio.to_thread(program.stdout.readline)
            waited = program.poll() is None
            for name in files:
                (uv.parent / name).touch()
            said = [first, *await asyncio.to_thread(program.stdout.readlines)]
        await made.ready()
        return [line.strip() for line in said], waited
    finally:
        await made.close()


def test_an_import_waits_for_what_is_on_its_way_and_others_do_not(tmp_path: Path, uv: Path) -> None:
    said, waited = asyncio.run(fetched(tmp_path / "packages", uv, "go"))
    assert said == ["No module named 'no_such_module'", "42"]
    assert waited


def test_what_cannot_be_fetched_is_said_where_it_is_imported_and_tried_again_by_the_next(
    tmp_path: Path, uv: Path
) -> None:
    said, _ = asyncio.run(fetched(tmp_path / "packages", uv, "fail", "go"))
    assert said[1] == "No module named 'not_here_yet': it could not be fetched (no network)"
    for name in ("fail", "go"):
        (tmp_path / name).unlink()
    said, _ = asyncio.run(fetched(tmp_path / "packages", uv, "go"))
    assert said[1] == "42"


def test_what_a_killed_emulator_left_half_made_is_made_anew(tmp_path: Path, uv: Path) -> None:
    (tmp_path / "go").touch()

    async def make() -> tuple[str, ...]:
        made = lacking(tmp_path / "packages", uv)
        before = os.umask(0o077)  # as the emulator has it
        made.prepare()
        assert made.place is not None
        (made.place / "not_here_yet").mkdir()
        (made.place / "not_here_yet" / "__init__.py").write_text("half")
        await made.ready()
        os.umask(before)
        for each in (made.place, made.place / "not_here_yet", made.place / MADE):
            assert each.stat().st_mode & 0o044, f"{each} is not for who a sandbox runs as"
        found = (made.place / "not_here_yet" / "__init__.py").read_text(), str((made.place / MADE).stat().st_size)
        await made.close()
        return (*found, *made.awaited)

    assert asyncio.run(make()) == ("value = 42", "0")
