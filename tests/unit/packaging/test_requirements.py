"""Imports become pins of what is installed here; what cannot be installed elsewhere is an error that says so."""

from __future__ import annotations

import json
import sys

import pytest

from aca_notebook.errors import RequirementsFailed
from aca_notebook.packaging import requirements
from aca_notebook.packaging.distributions import Distributions, inventory, requirement_name
from aca_notebook.packaging.modules import Import, imports_of

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def asked(*imports, pip=(), lines=(), cache):
    return requirements.requirements_of(imports, pip, lines, Distributions(cache))[0]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return a function that installs a distribution into a folder of its own on the path."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def install(name: str, version: str = "1.0", *, module: str = "", origin: dict | None = None) -> None:
        module = module or name.replace("-", "_")
        (folder / module).mkdir(parents=True, exist_ok=True)
        (folder / module / "__init__.py").write_text("")
        metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (metadata / "RECORD").write_text(f"{module}/__init__.py,,\n")
        if origin is not None:
            (metadata / "direct_url.json").write_text(json.dumps(origin))

    return install


def test_an_import_is_pinned_to_the_version_here(site, tmp_path):
    site("scikit-mine", "1.2.3", module="skmine")

    assert asked(Import("skmine.tree"), cache=tmp_path / "cache") == ["scikit-mine==1.2.3"]


def test_a_package_that_several_distributions_share_is_the_one_that_holds_the_module(site, tmp_path):
    site("cloud-storage", "1.0", module="cloudy/storage")
    site("cloud-queue", "2.0", module="cloudy/queue")

    assert asked(Import("cloudy.queue.Client"), cache=tmp_path / "cache") == ["cloud-queue==2.0"]


def test_a_local_build_is_pinned_to_its_public_version_and_noted(site, tmp_path):
    site("torchy", "2.3.1+cpu")

    found, notes = requirements.requirements_of([Import("torchy")], (), (), Distributions(tmp_path / "cache"))

    assert found == ["torchy==2.3.1"]
    assert notes == ["torchy 2.3.1+cpu here, 2.3.1 in the container"]


def test_a_package_from_a_repository_is_pinned_to_its_commit(site, tmp_path):
    site("gitty", origin={"url": "https://example.com/gitty.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}})

    assert asked(Import("gitty"), cache=tmp_path / "cache") == ["gitty @ git+https://example.com/gitty.git@abc123"]


def test_a_package_from_a_folder_is_refused_with_advice(site, tmp_path):
    site("homemade", origin={"url": "file:///home/me/homemade", "dir_info": {}})

    with pytest.raises(RequirementsFailed, match="folder or file of this machine") as refused:
        asked(Import("homemade", "In[2]", 3), cache=tmp_path / "cache")

    assert "In[2], line 3" in refused.value.message
    assert "publish it" in refused.value.hint


def test_an_import_that_is_not_installed_names_its_line(tmp_path):
    with pytest.raises(RequirementsFailed, match="not installed here") as refused:
        asked(Import("nowhere_at_all", "In[4]", 2), cache=tmp_path / "cache")

    assert "In[4], line 2" in refused.value.message
    assert "--pip nowhere-at-all" in refused.value.hint


@pytest.mark.parametrize(
    ("module", "pip"),
    [("nowhere", "nowhere>=2"), ("cv2", "opencv-python-headless"), ("skimage", "scikit-image"), ("a_b", "a-b")],
)
def test_an_import_that_is_not_installed_may_be_asked_for(tmp_path, module, pip):
    assert asked(Import(module), pip=[pip], cache=tmp_path / "cache") == [pip]


def test_an_import_the_code_can_do_without_is_left_out(tmp_path):
    (attempt,) = imports_of("try:\n    import nowhere_at_all\nexcept ImportError:\n    pass")

    assert asked(attempt, cache=tmp_path / "cache") == []


def test_what_is_asked_for_wins_over_what_is_installed(site, tmp_path):
    site("mine", "1.0")
    cache = tmp_path / "cache"

    assert asked(Import("mine"), pip=["mine>=2"], cache=cache) == ["mine>=2"]
    assert asked(Import("mine"), lines=["mine==0.9"], cache=cache) == ["mine==0.9"]
    assert asked(Import("mine"), pip=["Mine"], cache=cache) == ["mine==1.0"]


@pytest.mark.parametrize("module", ["os", "xml.etree", "aca_notebook", "aca_notebook.runner"])
def test_pythons_own_modules_and_ours_need_no_package(tmp_path, module):
    assert asked(Import(module), cache=tmp_path / "cache") == []


@pytest.mark.parametrize("pip", ["-e .", "./folder", "aca_notebook", "aca-notebook==1", "--index-url x", ""])
def test_only_packages_may_be_asked_for(tmp_path, pip):
    with pytest.raises(RequirementsFailed, match="no package to install"):
        asked(pip=[pip], cache=tmp_path / "cache")


def test_a_frame_needs_arrow_in_the_container(tmp_path):
    found = asked(Import("pandas"), cache=tmp_path / "cache")

    assert [requirement_name(each) for each in found] == ["pandas", "pyarrow"]


def test_without_packages_the_shipped_lock_is_the_lock_and_nothing_is_run(tmp_path):
    lock = requirements.resolve([Import("math")], python=PYTHON, cache=tmp_path / "none")

    assert lock.text == requirements.runner_lock()
    assert lock.wanted == ()
    assert not (tmp_path / "none" / "locks").exists()


def test_the_shipped_lock_pins_all_the_runner_needs_with_hashes():
    needed = {requirement_name(line) for line in requirements.runner_requirements().splitlines() if "=" in line}
    pins = requirements.Lock(requirements.runner_lock()).pins

    assert needed - {""} <= {requirement_name(pin) for pin in pins}
    assert all("==" in pin for pin in pins)
    assert requirements.runner_lock().count("--hash=sha256:") > len(pins)
    assert "http" not in requirements.runner_lock().replace("httptools", "")


def test_a_requirements_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RequirementsFailed, match="cannot be read"):
        requirements.resolve([], requirements=tmp_path / "none.txt", python=PYTHON, cache=tmp_path)


def test_what_is_installed_is_read_once_until_an_installer_comes_by(site, tmp_path):
    site("first")
    cache = tmp_path / "cache"

    assert "first" in inventory(cache).versions
    assert len(list(cache.iterdir())) == 1
    inventory(cache)
    assert len(list(cache.iterdir())) == 1
    site("second")
    assert "second" in inventory(cache).versions


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Foo_Bar", "foo-bar"),
        ("foo[a,b]>=1 ; python_version<'3'", "foo"),
        ("foo @ git+https://x/y", "foo"),
        ("foo==1 --hash=sha256:ab", "foo"),
        ("-e .", ""),
        ("./foo", ""),
        ("--pre", ""),
        ("https://x/y.whl", ""),
    ],
)
def test_a_requirement_is_known_by_its_normalised_name(line, name):
    assert requirement_name(line) == name
