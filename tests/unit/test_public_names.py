from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import aca_notebook


@pytest.mark.parametrize("name", aca_notebook.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(aca_notebook, name) is not None


def test_public_names_are_sorted_and_all_that_dir_shows() -> None:
    assert aca_notebook.__all__ == sorted(aca_notebook.__all__)
    assert dir(aca_notebook) == aca_notebook.__all__


def test_every_lazy_name_is_public() -> None:
    assert set(aca_notebook._HOMES) < set(aca_notebook.__all__)


def test_an_unknown_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'deplyo'"):
        aca_notebook.deplyo  # noqa: B018  # looking it up is the test


def test_the_version_is_the_distributions() -> None:
    project = Path(aca_notebook.__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == aca_notebook.__version__
