"""Settings: who said it, and where our state lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from aca_notebook.settings import Settings, home, read_file, read_notebook, resolve, write_notebook


def test_an_argument_beats_the_environment_beats_the_notebook_beats_the_file():
    environ = {"AZURE_LOCATION": "from-environment", "AZURE_RESOURCE_GROUP": "from-environment"}
    notebook = {"location": "from-notebook", "resource_group": "from-notebook", "registry": "from-notebook"}
    file = {"location": "file", "resource_group": "file", "registry": "file", "environment": "file"}
    assert resolve({"location": "argument"}, environ, notebook, file) == Settings(
        location="argument",
        resource_group="from-environment",
        registry="from-notebook",
        environment="file",
        sources={
            "location": "argument", "resource_group": "environment", "registry": "notebook", "environment": "file",
        },
    )  # fmt: skip


def test_an_empty_text_says_nothing():
    assert resolve({"target": ""}, {"ACA_NOTEBOOK_TARGET": ""}, {}, {"target": "azure"}).target == "azure"


def test_a_setting_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ValueError, match="'resourcegroup'"):
        resolve({"resourcegroup": "x"}, {}, {}, {})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ACA_NOTEBOOK_HOME": "/somewhere"}, Path("/somewhere")),
        ({"XDG_DATA_HOME": "/data"}, Path("/data/aca-notebook")),
        ({}, Path.home() / ".local/share/aca-notebook"),
    ],
    ids=["our own variable wins", "then the desktop's", "then the usual place"],
)
def test_home_is_where_it_was_said_to_be(environ, expected, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert home(environ) == expected


def test_a_missing_file_says_nothing_and_a_broken_one_is_named(tmp_path):
    assert read_file(tmp_path / "none.toml") == {}
    broken = tmp_path / "settings.toml"
    broken.write_text("target = ")
    with pytest.raises(ValueError, match=r"settings\.toml"):
        read_file(broken)


def test_what_a_notebook_chose_is_kept_for_it_and_that_target_alone(tmp_path: Path):
    chosen = {"subscription_id": "s", "resource_group": "g", "location": "", "secret": "no"}
    write_notebook(tmp_path, "/work/a.ipynb", "azure", chosen)
    write_notebook(tmp_path, "/work/b.ipynb", "azure", {"resource_group": "other"})
    assert read_notebook(tmp_path, "/work/a.ipynb", "azure") == {"subscription_id": "s", "resource_group": "g"}
    assert read_notebook(tmp_path, "/work/a.ipynb", "local") == {}
    assert read_notebook(tmp_path, "/work/c.ipynb", "azure") == {}
    assert "no" not in (tmp_path / "notebooks.json").read_text()


def test_a_damaged_memory_is_none(tmp_path: Path):
    (tmp_path / "notebooks.json").write_text("{")
    assert read_notebook(tmp_path, "/work/a.ipynb", "azure") == {}
    write_notebook(tmp_path, "/work/a.ipynb", "azure", {"resource_group": "g"})
    assert read_notebook(tmp_path, "/work/a.ipynb", "azure") == {"resource_group": "g"}
