"""The image table: how references are read, what is known from the start, what survives."""

from __future__ import annotations

import asyncio

import pytest

from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.runtime.images import Images, normalise


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("nginx", "docker.io/library/nginx:latest", id="a bare name is Docker Hub's library"),
        pytest.param("team/web:2", "docker.io/team/web:2", id="a first part without a dot is no registry"),
        pytest.param("docker.io/nginx", "docker.io/library/nginx:latest", id="the library is implied there too"),
        pytest.param("index.docker.io/team/web", "docker.io/team/web:latest", id="Docker Hub has other names"),
        pytest.param("local.azurecr.io/scorer:ca1", "local.azurecr.io/scorer:ca1", id="a full reference stays"),
        pytest.param("Local.AzureCR.io/scorer", "local.azurecr.io/scorer:latest", id="registries ignore case"),
        pytest.param("localhost:5000/web", "localhost:5000/web:latest", id="a port is no tag"),
        pytest.param("a.io/web:2@sha256:00ff", "a.io/web@sha256:00ff", id="a digest counts before a tag"),
    ],
)
def test_a_reference_is_read_as_a_container_engine_reads_it(written, read):
    assert normalise(written) == read
    assert normalise(read) == read


@pytest.mark.parametrize("text", ["", " ", "two words", ":tag"])
def test_text_that_names_no_image_is_refused(text):
    with pytest.raises(ValueError, match="not an image name"):
        normalise(text)


@pytest.mark.parametrize("tag", ["", ":latest", ":v2"])
def test_every_tag_of_a_quickstart_image_is_known_from_the_start(database, tmp_path, tag):
    found = Images(database).resolve(f"mcr.microsoft.com/k8se/quickstart{tag}")

    assert found is not None
    assert found.arguments(8080)[-1].endswith("hello.py")


def test_an_image_nobody_added_is_not_known(database, tmp_path):
    assert Images(database).resolve("nginx") is None


def test_a_registered_image_is_found_by_every_spelling_and_after_a_restart(database, tmp_path):
    asyncio.run(Images(database).register("nginx", ["serve", "--port={port}", "{python}", "{x}"], tmp_path))

    found = Images(database).resolve("docker.io/library/nginx:latest")

    assert found is not None
    assert found.arguments(81, python="py") == ("serve", "--port=81", "py", "{x}")
    assert found.folder == tmp_path


def test_a_removed_image_is_gone_and_a_removed_seed_comes_back(database, tmp_path):
    images = Images(database)
    for name in ("nginx", "mcr.microsoft.com/k8se/quickstart"):
        asyncio.run(images.register(name, ["mine"], tmp_path))
        asyncio.run(images.remove(name))

    assert images.resolve("nginx") is None
    seed = images.resolve("mcr.microsoft.com/k8se/quickstart")
    assert seed is not None
    assert seed.command != ("mine",)


@pytest.mark.parametrize("command", [[], [""]])
def test_an_image_needs_a_command(database, tmp_path, command):
    with pytest.raises(ValueError, match="the program first"):
        asyncio.run(Images(database).register("web", command, tmp_path))


def test_an_image_needs_a_folder_that_exists(database, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        asyncio.run(Images(database).register("web", ["serve"], tmp_path / "nowhere"))
