"""The lock is made by uv: against an index, so these tests need one."""

from __future__ import annotations

import sys

import pytest

from aca_notebook.errors import RequirementsFailed
from aca_notebook.packaging import requirements
from aca_notebook.packaging.modules import Import

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def test_a_lock_holds_the_users_packages_and_the_runners_with_hashes(tmp_path):
    lock = requirements.resolve([Import("numpy")], python=PYTHON, cache=tmp_path)
    installed = requirements.Distributions(tmp_path).inventory.versions

    assert f"numpy=={installed['numpy']}" in lock.pins
    assert set(requirements.Lock(requirements.runner_lock()).pins) <= set(lock.pins)
    assert lock.text.count("--hash=sha256:") >= len(lock.pins)
    assert "://" not in lock.text


def test_a_lock_is_resolved_once(tmp_path):
    first = requirements.resolve([Import("numpy")], python=PYTHON, cache=tmp_path)
    (kept,) = (tmp_path / "locks").iterdir()
    kept.write_text(first.text + "# read again\n")

    assert requirements.resolve([Import("numpy")], python=PYTHON, cache=tmp_path).text.endswith("# read again\n")


def test_versions_that_do_not_agree_are_an_error_that_shows_them(tmp_path):
    with pytest.raises(RequirementsFailed, match="do not fit together") as refused:
        requirements.resolve([], pip=["uvicorn<0.20"], python=PYTHON, cache=tmp_path)

    assert "uvicorn" in refused.value.detail
    assert str(tmp_path) not in refused.value.detail
