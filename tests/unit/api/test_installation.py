"""Both halves of the Jupyter extension are looked for where Jupyter would look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api import installation
from aca_notebook.model.checkup import Check, Outcome

if TYPE_CHECKING:
    from pathlib import Path


def looked(tmp_path: Path, *, lab: str = "4.4.1", server: bool | None = None, page: bool = False) -> Check:
    if server is not None:
        place = tmp_path / "etc" / "jupyter_server_config.d" / "aca_notebook.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps({"ServerApp": {"jpserver_extensions": {"aca_notebook": server}}}))
    if page:
        place = tmp_path / "share" / "labextensions" / "aca-notebook" / "package.json"
        place.parent.mkdir(parents=True)
        place.write_text("{}")
    versions = {"jupyterlab": lab}
    found = installation.examine(
        lambda name: versions.get(name, "1.0"), [str(tmp_path / "etc")], [str(tmp_path / "share")]
    )
    return next(check for check in found if check.name == "JupyterLab")


@pytest.mark.parametrize(
    ("server", "page", "outcome", "word"),
    [(True, True, Outcome.OK, "both halves"), (None, True, Outcome.WARN, "lacks the server half:"),
     (False, True, Outcome.WARN, "lacks the server half:"), (True, False, Outcome.WARN, "lacks the panel:"),
     (None, False, Outcome.WARN, "the server half and the panel")],
)  # fmt: skip
def test_each_half_is_found_or_named(
    tmp_path: Path, *, server: bool | None, page: bool, outcome: Outcome, word: str
) -> None:  # fmt: skip
    check = looked(tmp_path, server=server, page=page)
    assert check.outcome is outcome
    assert word in check.said
    assert bool(check.command) == (outcome is Outcome.WARN)


def test_an_old_lab_is_told_and_a_kernel_without_one_is_well(tmp_path: Path) -> None:
    assert looked(tmp_path, lab="4.1.9").outcome is Outcome.WARN
    assert looked(tmp_path, lab="").outcome is Outcome.OK


def test_a_config_that_is_no_json_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "etc" / "jupyter_server_config.d").mkdir(parents=True)
    (tmp_path / "etc" / "jupyter_server_config.d" / "broken.json").write_text("{")
    assert looked(tmp_path, page=True).outcome is Outcome.WARN


def test_a_package_that_is_not_there_fails_with_the_line_that_installs_it() -> None:
    (versions, *_) = installation.examine(lambda name: "" if name == "ipykernel" else "1.0", [], [])
    assert (versions.outcome, versions.command) == (Outcome.FAIL, "%pip install ipykernel")
