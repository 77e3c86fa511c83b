"""The builder: real uv, a package made here, no index."""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import uv

from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.runtime import builder as builder_module
from aca_notebook.emulator.runtime.builder import Builder, BuildFailed, environment_key, pinned, uv_environment
from aca_notebook.emulator.runtime.images import Images
from aca_notebook.emulator.runtime.interpreters import Interpreters

MINOR = ".".join(platform.python_version().split(".")[:2])


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def builder(database, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    return Builder(
        folder=tmp_path / "data",
        images=Images(database),
        interpreters=Interpreters(database),
        uv=uv.find_uv_bin(),
        environment=environment,
    )


@pytest.fixture
def package(tmp_path) -> str:
    """A requirement that is satisfied by a wheel on this disk."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"tiny @ {wheel.as_uri()}\n"


def bundle(folder: Path, *, pins: str = "", name: str = "context.tar.gz", **manifest) -> Path:
    """A context as a client uploads it."""
    described = {
        "schema": 1, "python": MINOR, "requirements": "requirements.txt", "command": ["python", "-m", "cell"],
    } | manifest  # fmt: skip
    return archive(
        folder / name,
        {
            "bundle.json": json.dumps(described),
            "requirements.txt": pins,
            "cell.py": "import sys, tiny; print(tiny.ANSWER, sys.prefix)",
        },
    )


def archive(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def build(builder: Builder, context: Path, image: str = "local.azurecr.io/scorer:ca1"):
    lines: list[str] = []
    return asyncio.run(builder.build(context, [image], lines.append)), lines


@pytest.mark.process
def test_a_bundle_runs_in_a_clean_environment_made_from_its_requirements(builder, package, tmp_path):
    image, _ = build(builder, bundle(tmp_path, pins=package))

    ran = subprocess.run(
        image.arguments(0), cwd=image.folder, env=image.environment, capture_output=True, text=True, check=True
    )

    answer, prefix = ran.stdout.split()
    assert answer == "42"
    assert Path(prefix).parent == tmp_path / "data" / "environments"


@pytest.mark.process
def test_an_environment_is_compiled_and_has_nothing_else_in_it(builder, package, tmp_path):
    image, _ = build(builder, bundle(tmp_path, pins=package))

    places = list((Path(image.environment["VIRTUAL_ENV"]) / "lib").glob("python*/site-packages"))
    assert len(places) == 1
    assert list((places[0] / "__pycache__").glob("tiny.*.pyc"))
    assert not list(places[0].glob("aca_notebook*"))


@pytest.mark.process
def test_a_second_build_with_the_same_requirements_makes_no_environment(builder, package, tmp_path):
    first, _ = build(builder, bundle(tmp_path, pins=package))
    second, lines = build(builder, bundle(tmp_path, pins=f"# pinned\n\n{package}", name="other.tar.gz"))

    assert second.environment == first.environment
    assert second.folder != first.folder
    assert any("as it is" in line for line in lines)


@pytest.mark.process
def test_two_builds_at_once_make_one_environment(builder, package, tmp_path):
    async def both():
        contexts = [bundle(tmp_path, pins=package, name=f"{n}.tar.gz") for n in range(2)]
        lines: list[str] = []
        await asyncio.gather(*(builder.build(each, [f"a.io/x:{each.stem}"], lines.append) for each in contexts))
        return lines

    lines = asyncio.run(both())

    assert sum(line.startswith("Creating an environment") for line in lines) == 1


@pytest.mark.process
def test_a_build_that_cannot_install_shows_uvs_own_lines_and_leaves_nothing(builder, tmp_path):
    missing = (tmp_path / "gone-1.0-py3-none-any.whl").as_uri()

    with pytest.raises(BuildFailed, match=r"gone-1\.0"):
        build(builder, bundle(tmp_path, pins=f"gone @ {missing}\n"))

    assert list((tmp_path / "data" / "environments").iterdir()) == []


@pytest.mark.process
def test_warming_makes_the_environment_that_a_build_then_finds(builder, package, tmp_path):
    async def scenario():
        builder.warm(package, MINOR)
        lines: list[str] = []
        await builder.build(bundle(tmp_path, pins=package), ["a.io/x:1"], lines.append)
        return lines

    assert any("as it is" in line for line in asyncio.run(scenario()))


@pytest.mark.process
def test_closing_while_it_warms_leaves_no_half_made_environment(builder, package, tmp_path):
    async def scenario():
        builder.warm(package, MINOR)
        await asyncio.sleep(0)
        await builder.close()

    asyncio.run(scenario())

    assert list((tmp_path / "data" / "environments").iterdir()) == []


@pytest.mark.process
def test_a_source_is_compiled_once_whichever_bundles_it_comes_in(builder, package, tmp_path):
    first, _ = build(builder, bundle(tmp_path, pins=package))
    second, _ = build(builder, bundle(tmp_path, pins=f"{package}\n\n", name="other.tar.gz"))

    compiled = [next((each.folder / "__pycache__").glob("cell.*.pyc")) for each in (first, second)]

    assert compiled[0].samefile(compiled[1])
    ran = subprocess.run(
        second.arguments(0), cwd=second.folder, env=second.environment, capture_output=True, check=True
    )
    assert ran.stdout.startswith(b"42 ")


@pytest.mark.process
def test_a_source_that_does_not_compile_is_left_to_the_runner(builder, tmp_path):
    described = {"schema": 1, "python": MINOR, "requirements": "r.txt", "command": ["python", "-m", "cell"]}
    files = {"bundle.json": json.dumps(described), "r.txt": "", "cell.py": "def score(:"}

    image, _ = build(builder, archive(tmp_path / "c.tar.gz", files))

    assert (image.folder / "cell.py").exists()
    assert not list(image.folder.rglob("*.pyc"))


def test_what_a_killed_emulator_was_in_the_middle_of_is_swept_away(database, tmp_path, builder):
    half = tmp_path / "data" / "environments" / "abc.0.part"
    half.mkdir()

    Builder(
        folder=tmp_path / "data", images=Images(database), interpreters=Interpreters(database),
        uv="uv", environment={},
    )  # fmt: skip

    assert not half.exists()


@pytest.mark.process
def test_a_restart_keeps_the_bundles_of_images_and_sweeps_those_of_failed_builds(database, builder, package, tmp_path):
    image, _ = build(builder, bundle(tmp_path, pins=package))
    with pytest.raises(BuildFailed):
        build(builder, archive(tmp_path / "c.tar.gz", {"Dockerfile": "FROM scratch\n"}))
    assert len(list(image.folder.parent.iterdir())) == 2

    Builder(
        folder=tmp_path / "data", images=Images(database), interpreters=Interpreters(database),
        uv="uv", environment={},
    )  # fmt: skip

    assert list(image.folder.parent.iterdir()) == [image.folder]


def test_a_dockerfile_of_another_kind_needs_a_container_engine(builder, tmp_path):
    with pytest.raises(BuildFailed, match="needs a container engine"):
        build(builder, archive(tmp_path / "c.tar.gz", {"Dockerfile": "FROM scratch\n"}))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        pytest.param({"schema": 2}, "schema 2", id="a newer schema"),
        pytest.param({"command": []}, "no command", id="no command"),
        pytest.param({"command": 3}, "cannot be read", id="a command that is no list"),
        pytest.param({"python": "2.7"}, r"needs Python 2\.7.*known here", id="a Python that is not there"),
        pytest.param({"requirements": "../../x"}, "not there", id="a requirements file outside"),
    ],
)
def test_a_manifest_that_cannot_be_followed_is_refused(builder, tmp_path, changed, complaint):
    with pytest.raises(BuildFailed, match=complaint):
        build(builder, bundle(tmp_path, **changed))


def test_what_is_no_archive_is_refused(builder, tmp_path):
    (tmp_path / "c.tar.gz").write_bytes(b"not a tar")

    with pytest.raises(BuildFailed, match="no readable tar archive"):
        build(builder, tmp_path / "c.tar.gz")


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
def test_a_path_that_leads_out_of_the_context_is_refused(builder, tmp_path, name):
    with pytest.raises(BuildFailed, match="leads out of it"):
        build(builder, archive(tmp_path / "c.tar.gz", {name: "x"}))


def test_a_link_in_the_context_is_refused(builder, tmp_path):
    path = tmp_path / "c.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)

    with pytest.raises(BuildFailed, match="no plain file"):
        build(builder, path)


def test_a_key_ignores_comments_and_order_but_not_the_interpreter():
    python = Path("/python")
    key = environment_key("a==1\nb==2\n", python, "3.11.7")

    assert environment_key("# x\nb==2  # y\n\na==1", python, "3.11.7") == key
    assert environment_key("a==1\nb==2\n", python, "3.11.8") != key


def test_a_pin_with_hashes_is_one_line():
    assert pinned("a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n") == [
        "a==1 --hash=sha256:00 --hash=sha256:11"
    ]


def test_pips_own_index_settings_reach_uv_unless_uv_has_its_own():
    there = uv_environment({"PIP_INDEX_URL": "https://p/simple", "PIP_FIND_LINKS": "/a /b", "VIRTUAL_ENV": "/v"})

    assert there["UV_DEFAULT_INDEX"] == "https://p/simple"
    assert there["UV_FIND_LINKS"] == "/a,/b"
    assert "VIRTUAL_ENV" not in there
    assert "UV_DEFAULT_INDEX" not in uv_environment({"PIP_INDEX_URL": "https://p", "UV_INDEX_URL": "https://u"})


def test_an_indexs_password_is_not_repeated():
    line = builder_module.without_credentials("error: https://user:pw@host/simple refused")

    assert line == "error: https://****@host/simple refused"
