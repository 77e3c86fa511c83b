"""Every command of a guide to GPUs in Container Apps: run by the real CLI, or, where it made flags up, by ours.

The guide lies beside the recordings and is not part of this repository. What it writes is put to the CLI as it stands;
where the CLI or the platform refuses that, it must be for the reason that is known, and the line is run as it is meant.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.azure_cli.magic import Magic, magic_in, script
from tests.contract.conftest import require_folder
from tests.contract.test_recorded_traffic import RECORDINGS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator

_GROUP = "MyRG"
_GUIDE = "container-apps-gpu-2025.md"
_MADE_UP = {"--gpu-type", "--gpu-count", "--force-restart"}
_HELLO = (
    "{python}",
    "-c",
    "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')",
)
_DONE = ("{python}", "-c", "print('trained')")
#: Every line of the guide is answered for by one of these.
_BY_AZ, _BY_ACA, _MENDED = "az as written", "%aca", "az as it is meant"


def lines_of(guide: str) -> list[str]:
    """The commands of its shell blocks, each on a line; comments between flags are dropped."""
    found = []
    for block in re.findall(r"```bash\n(.*?)```", guide, re.DOTALL):
        kept = "\n".join(line for line in block.splitlines() if not line.strip().startswith("#"))
        joined = re.sub(r"(\\\s*\n\s*)+", " ", kept)
        found += [line.strip() for line in joined.splitlines() if line.strip()]
    return found


@dataclass
class Walk:
    """Goes through the guide; `variables` are those of its shell, `how` who ran each line."""

    az: Az
    magic: Magic
    variables: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return script(self.az, line, **self.variables)

    def done(self, line: str) -> str:
        ended = self.shell(line)
        assert ended.returncode == 0, f"{line}\n{ended.stdout[-1000:]}{ended.stderr[-3000:]}"
        return ended.stdout

    def refused(self, line: str) -> str:
        ended = self.shell(line)
        assert ended.returncode != 0, f"{line}\nwas taken:\n{ended.stdout[-1000:]}"
        return ended.stderr

    def take(self, line: str) -> str:
        """Run one line of the guide; return who ran it."""
        if found := re.fullmatch(r"(\w+)=\$\((.*)\)", line):
            self.variables[found[1]] = self.done(found[2]).strip()
            return _BY_AZ
        words = shlex.split(line)
        if words[0] != "az":  # flags alone: they are those of a create
            return self.ours(["az", "containerapp", "update", "--name", "myapp-gpu", *words])
        if _MADE_UP & set(words):
            assert "unrecognized arguments" in self.refused(line)
            return self.job(line) if "job" in words else self.ours(words)
        for known, meant in _MEANT.items():
            if re.search(known, line):
                return meant(self, line)
        self.done(line)
        return _BY_AZ

    def ours(self, words: list[str]) -> str:
        """Our command with the same flags; what it needs besides is what its error names."""
        verb, name = {"create": "deploy"}.get(words[2], words[2]), words[words.index("--name") + 1]
        flags = _without(words[3:], "--name", "--resource-group", "--environment")
        flags += ["--public"] if "external" in flags else []
        line = f"%aca {verb} {name} {shlex.join(flags)}"
        for secret in re.findall(r"secretref:([\w-]+)|connection=([\w-]+)", line):
            value = next(filter(None, secret))
            self.magic.workspace.secrets.put(value, "v4lue-of-the-guide")
        shown = self.magic(line)
        assert "Azure knows no --gpu-type" in shown or "gpu_type" not in line
        return _BY_ACA

    def job(self, line: str) -> str:
        """A job on GPUs: the profile that our plan names, and as many as one has."""
        profile = "--workload-profile-name gpu-a100"
        assert "a serverless replica has one A100, not 2" in self.magic.refused(
            "%aca plan job --image i --gpu-type nvidia-a100 --gpu-count 2"
        )
        self.done(re.sub(r"--gpu-type \S+ +--gpu-count \d+", profile, line))
        return _MENDED

    def profile(self, line: str) -> str:
        assert self.refused(line)
        said = self.magic.refused("%aca plan web --image i --workload-profile-type GPU-A100")
        assert "NC24-A100" in said
        self.done(line.replace("GPU-A100", "NC24-A100"))
        return _MENDED

    def zones(self, line: str) -> str:
        """The flag is a switch, and needs a network of one's own."""
        assert "unrecognized arguments: true" in self.refused(line)
        meant = line.replace("--zone-redundant true", "--zone-redundant")
        assert "infrastructure-subnet-resource-id" in self.refused(meant)
        made = self.az(
            f"network vnet create -g {_GROUP} -n net -l eastus --address-prefix 10.0.0.0/16 --subnet-name infra "
            "--subnet-prefix 10.0.0.0/23"
        )
        subnet = made["newVNet"]["subnets"][0]["id"]
        self.done(f"{meant} --infrastructure-subnet-resource-id {subnet}")
        return _MENDED

    def with_secret(self, line: str) -> str:
        """The platform takes no variable of a secret that is not there."""
        secret = re.search(r"secretref:([\w-]+)", line)
        assert secret is not None
        assert "ContainerAppSecretRefNotFound" in self.refused(line)
        self.done(f"{line} --secrets {secret[1]}=InstrumentationKey=00000000-0000-0000-0000-000000000000")
        return _MENDED

    def logging(self, line: str) -> str:
        assert "unrecognized arguments: true" in self.refused(line)
        self.done(line.replace("--dapr-enable-api-logging true", "--dapr-enable-api-logging"))
        return _MENDED

    def revision(self, line: str) -> str:
        assert "required: --revision" in self.refused(line)
        self.done(line.replace("--name ", "--revision ").replace("--app ", "--name "))
        return _MENDED

    def follow(self, line: str) -> str:
        """It goes on until somebody ends it: its first line is enough."""
        following = self.az.start(line.removeprefix("az "))
        try:
            assert following.stdout is not None
            assert following.stdout.readline()
        finally:
            following.terminate()
            following.communicate(timeout=60)
        return _BY_AZ

    def query(self, line: str) -> str:
        """`az monitor log-analytics` asks by an extension; the question itself is ours to ask."""
        question = shlex.split(line)[-1]
        assert self.refused(line)
        self.magic(f"%aca query {shlex.quote(question)}")
        return _BY_ACA


_MEANT: dict[str, Any] = {
    r"--workload-profile-type GPU-A100": Walk.profile,
    r"--zone-redundant true": Walk.zones,
    r"containerapp create .*secretref:": Walk.with_secret,
    r"--dapr-enable-api-logging true": Walk.logging,
    r"logs show .*--follow": Walk.follow,
    r"log-analytics query": Walk.query,
    r"revision show .*--app ": Walk.revision,
}


def _without(words: list[str], *flags: str) -> list[str]:
    kept, skip = [], False
    for word in words:
        if not skip and word not in flags:
            kept.append(word)
        skip = word in flags
    return kept


@pytest.fixture
def walk(emulator: RealEmulator, logged_in: Az) -> Iterator[Walk]:
    az = logged_in
    az(f"group create -n {_GROUP} -l eastus")
    with magic_in(emulator, _GROUP, "myenv") as magic:
        yield Walk(az, magic)
    az(f"group delete -n {_GROUP} --yes")


def _furnished(walk: Walk, emulator: RealEmulator, guide: str) -> dict[str, str]:
    """What the guide takes for given: images, a registry, a workspace, people to tell, a vault. By placeholder."""
    control = {"Authorization": f"Bearer {(emulator.inside / 'control-token').read_text().strip()}"}
    for image in set(re.findall(r"--image (\S+)", guide)):
        command = _DONE if "training:" in image else _HELLO
        body = {"image": image, "command": list(command)}
        address = f"{emulator.ready['http_url']}/_emulator/images"
        requests.put(address, json=body, headers=control, timeout=30).raise_for_status()
    az = walk.az.within(_GROUP)
    az("acr create -n myregistry --sku Basic")
    workspace = az("monitor log-analytics workspace create -n logs")
    keys = az("monitor log-analytics workspace get-shared-keys -n logs")
    az("keyvault create -n mykeyvault -l eastus")
    people = az("monitor action-group create -n people")
    (walk.az.folder / "component.yaml").write_text(
        "componentType: state.azure.cosmosdb\nversion: v1\nmetadata:\n- name: url\n  value: https://x\n"
    )
    return {
        "<workspace-id>": workspace["customerId"], "<workspace-key>": keys["primarySharedKey"],
        "<action-group-id>": people["id"], "<sub-id>": emulator.environment["AZURE_SUBSCRIPTION_ID"],
        "<token>": "t0ken-of-the-guide", "<key>": "k3y-of-the-guide",
    }  # fmt: skip


def test_every_command_of_the_guide_is_run(walk: Walk, emulator: RealEmulator) -> None:
    guide = (require_folder(RECORDINGS).parent / _GUIDE).read_text()
    failures: list[str] = []
    given = _furnished(walk, emulator, guide)
    for line in lines_of(guide):
        if "<revision-name>" in line:
            given["<revision-name>"] = walk.az(f"containerapp show -n myapp-gpu -g {_GROUP}")["properties"][
                "latestRevisionName"
            ]
        said = re.sub("|".join(map(re.escape, given)), lambda found: given[found[0]], line)
        try:
            walk.how[said] = walk.take(said)
        except AssertionError as failed:  # what follows is worth knowing, too
            failures.append(f"{said}\n{failed}")
    assert not failures, "\n\n".join(failures)
    by = list(walk.how.values())
    assert {how: by.count(how) for how in (_BY_AZ, _BY_ACA, _MENDED)} == {_BY_AZ: 18, _BY_ACA: 9, _MENDED: 6}
