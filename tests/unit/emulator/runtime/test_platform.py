"""What a replica has of its platform: volumes, variables of an identity, and images its registry lets it have."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.runtime.desired import desired_app
from aca_notebook.emulator.runtime.volumes import MOUNTS_VARIABLE, Mount, Mounts, Volume, make_mounts
from tests.fakes.images import FakeSecrets
from tests.unit.emulator.runtime.world import FIRST, KEY, app, container, revision, world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CERTIFICATE = Volume("certs", "Secret", (("pem", "tls/cert.pem"), ("key", "key")))
SECRETS = FakeSecrets({"pem": "PEM", "key": "KEY"})


class Platform:
    """Refuses pulls while `refusal` says why, and gives the variables it has."""

    def __init__(self, refusal: str = "", given: Mapping[str, str] | None = None) -> None:
        self.refusal = refusal
        self.given = dict(given or {})
        self.asked: list[tuple[str, bool]] = []

    def variables(self, resource: str, *, starting: bool) -> Mapping[str, str]:
        self.asked.append((resource, starting))
        return self.given

    def trust(self) -> Mapping[str, str]:
        return {"SSL_CERT_FILE": "/roots.pem"}

    def pull_refusal(self, resource: str, image: str) -> str:
        return self.refusal and f"{self.refusal}: {resource.rpartition('/')[2]} {image}"


def test_secrets_lie_in_files_that_their_owner_alone_reads(tmp_path: Path) -> None:
    mounts = make_mounts([CERTIFICATE], [Mount("certs", "/mnt/certs/")], tmp_path / "v", "app", SECRETS)
    folder = tmp_path / "v" / "certs"
    assert mounts.folders == {"/mnt/certs": folder}
    assert (folder / "tls" / "cert.pem").read_text() == "PEM"
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "tls")} == {0o700}
    assert json.loads(mounts.variables()[MOUNTS_VARIABLE]) == {"/mnt/certs": str(folder)}
    again = make_mounts([CERTIFICATE], [Mount("certs", "/x", "tls")], tmp_path / "v", "app", SECRETS)
    assert again.folders == {"/x": folder / "tls"}


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        (Volume("../out", "EmptyDir"), Mount("../out", "/x")),
        (Volume("/out", "EmptyDir"), Mount("/out", "/x")),
        (Volume("in", "EmptyDir"), Mount("in", "/x", "../../out")),
        (Volume("in", "Secret", (("key", "../../out"),)), Mount("in", "/x")),
        (Volume("in", "Secret", (("key", "/out"),)), Mount("in", "/x")),
    ],
)
def test_a_volume_does_not_lead_out_of_its_replica(tmp_path: Path, volume: Volume, mount: Mount) -> None:
    with pytest.raises(OSError, match="leads out of its volume"):
        make_mounts([volume], [mount], tmp_path / "a" / "b", "app", SECRETS)
    assert not list(tmp_path.rglob("out"))


def test_a_secret_that_is_gone_and_a_volume_that_was_never_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        make_mounts([CERTIFICATE], [Mount("certs", "/x")], tmp_path, "app", FakeSecrets())
    assert make_mounts([], [Mount("certs", "/x")], tmp_path, "app", SECRETS) == Mounts()
    assert Mounts().variables() == {}


@pytest.mark.parametrize(
    ("text", "here"),
    [
        ("/mnt", "/r/a"), ("/mnt/x", "/r/a/x"), ("/mnt/deep/x", "/r/b/x"), ("/mntx", "/mntx"), ("x/mnt", "x/mnt"),
        ("--cert=/mnt/x", "--cert=/r/a/x"), ("KEY=/mnt/x", "KEY=/mnt/x"), ("", ""),
    ],
)  # fmt: skip
def test_a_path_under_a_mount_is_written_as_it_is_here(tmp_path: Path, text: str, here: str) -> None:
    mounts = Mounts({"/mnt": tmp_path / "a", "/mnt/deep": tmp_path / "b"})
    assert mounts.here(text) == here.replace("/r/", f"{tmp_path}/")


def test_a_secret_volume_that_names_no_secret_has_them_all() -> None:
    template = {
        "containers": [{"name": "main", "image": "hello", "volumeMounts": [{"volumeName": "all", "mountPath": "/m"}]}],
        "volumes": [
            {"name": "all", "storageType": "Secret"},
            {"name": "some", "storageType": "secret", "secrets": [{"secretRef": "b", "path": "p"}, {"secretRef": "a"}]},
            {"name": "free", "storageType": "EmptyDir"},
        ],
    }
    document = {"id": KEY, "properties": {"configuration": {"secrets": [{"name": "a"}, {"name": "b"}]}}}
    [found] = desired_app(document, [{"name": FIRST, "properties": {"template": template}}], {}).revisions
    assert found.volumes == (
        Volume("all", "Secret", (("a", "a"), ("b", "b"))),
        Volume("some", "Secret", (("b", "p"), ("a", "a"))),
        Volume("free", "EmptyDir"),
    )
    assert found.containers[0].mounts == (Mount("all", "/m"),)


@pytest.mark.anyio
async def test_a_container_finds_its_secrets_at_its_mounts_and_they_go_with_it(tmp_path: Path) -> None:
    main = replace(
        container(command=("serve", "--cert=/certs/tls/cert.pem")), env=(("CERT", "/certs/key"), ("PLAIN", "x")),
        mounts=(Mount("certs", "/certs"),),
    )  # fmt: skip
    async with world(tmp_path) as it:
        it.secrets.values |= SECRETS.values
        await it.controller.declare(app(revision(low=1, containers=(main,), volumes=(CERTIFICATE,))))
        await it.until(lambda: it.ready() == 1)
        [child] = it.spawn.alive
        environment = child.launch.environment
        folder = json.loads(environment[MOUNTS_VARIABLE])["/certs"]
        assert child.launch.argv == ("serve", f"--cert={folder}/tls/cert.pem")
        assert (environment["CERT"], environment["PLAIN"]) == (f"{folder}/key", "x")
        assert [path.name for path in tmp_path.rglob("cert.pem")] == ["cert.pem"]
        await it.controller.withdraw(KEY)
        assert list(tmp_path.rglob("cert.pem")) == []


@pytest.mark.anyio
@pytest.mark.parametrize("named", ["APPLICATIONINSIGHTS_CONNECTION_STRING", "OTHER"])
async def test_who_sends_traces_trusts_the_platforms_services(tmp_path: Path, named: str) -> None:
    async with world(tmp_path, platform=Platform()) as it:
        it.secrets.values |= {"place": "InstrumentationKey=x"}
        main = replace(container(), secret_env=((named, "place"),))
        await it.controller.declare(app(revision(low=1, containers=(main,))))
        await it.until(lambda: it.ready() == 1)
        [child] = it.spawn.alive
        assert child.launch.environment.get("SSL_CERT_FILE") == ("/roots.pem" if named != "OTHER" else None)


@pytest.mark.anyio
async def test_what_a_killed_emulator_left_of_its_replicas_goes_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "replicas" / "0123456789abcdef" / FIRST / "replica" / "scratch" / ".volumes" / "certs" / "key"
    left.parent.mkdir(parents=True)
    left.write_text("KEY")
    log = left.parents[3] / "main.log"
    log.write_text("kept")
    async with world(tmp_path):
        assert not left.exists()
        assert log.exists()


@pytest.mark.anyio
async def test_the_variables_of_an_identity_lie_under_the_containers_own(tmp_path: Path) -> None:
    platform = Platform(given={"IDENTITY_ENDPOINT": "http://here/msi/token", "IDENTITY_HEADER": "h"})
    main = replace(container(), env=(("IDENTITY_HEADER", "mine"),))
    async with world(tmp_path, platform=platform) as it:
        await it.controller.declare(app(revision(low=1, containers=(main,))))
        await it.until(lambda: it.ready() == 1)
        environment = it.spawn.alive[0].launch.environment
        assert environment["IDENTITY_ENDPOINT"] == "http://here/msi/token"
        assert environment["IDENTITY_HEADER"] == "mine"
        assert platform.asked == [(KEY, False)]


@pytest.mark.anyio
async def test_a_replica_whose_registry_refuses_it_waits_and_pulls_once_it_may(tmp_path: Path) -> None:
    platform = Platform("unable to pull")
    async with world(tmp_path, platform=platform) as it:
        await it.controller.declare(app(revision(low=1)))

        def failures() -> int:
            return sum(each.pull_failures for replica in it.replicas() for each in replica.containers.values())

        for count in (1, 2, 3, 4):  # an unknown image would have failed the revision at the third
            await it.until(lambda count=count: failures() >= count)
            await it.clock.advance(15)
        [replica] = it.replicas()
        assert replica.details == "Container is waiting with reason: ImagePullBackOff."
        assert replica.containers["main"].message == "unable to pull: scorer hello"
        assert not it.app.revisions[FIRST].settled
        platform.refusal = ""
        await it.clock.advance(15)
        await it.until(lambda: it.ready() == 1)
