"""Revisions, labels, weights and the rest of ingress: what `az` sets is what callers get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure_cli.shell import Az


@pytest.fixture
def app(az: Az, environment: str) -> Iterator[str]:
    """The name of a new app in Multiple mode with the revisions one and two."""
    create = f"containerapp create -n split --environment {environment} --image {HELLO} --ingress external"
    az(f"{create} --target-port 80 --revision-suffix one --revisions-mode multiple --min-replicas 1")
    az("containerapp revision copy -n split --revision-suffix two --set-env-vars COLOUR=blue")
    yield "split"
    az("containerapp delete -n split --yes")


def test_revisions_are_listed_shown_and_stopped(az: Az, app: str) -> None:
    listed = az(f"containerapp revision list -n {app}")
    assert [each["name"] for each in listed] == [f"{app}--one", f"{app}--two"]
    revision = f"containerapp revision {{}} -n {app} --revision {app}--one"
    assert az(revision.format("restart")) == "Restart succeeded"
    assert az(revision.format("deactivate")) == "Deactivate succeeded"
    assert az(revision.format("show"))["properties"]["active"] is False
    assert f"{app}--one" not in az.text(f"containerapp revision list -n {app} -o table")
    assert f"{app}--one" in az.text(f"containerapp revision list -n {app} --all -o table")
    assert az(revision.format("activate")) == "Activate succeeded"
    assert az(revision.format("show"))["properties"]["active"] is True
    assert "RevisionNotFound" in az.refused(f"containerapp revision show -n {app} --revision {app}--three")


def test_weights_and_labels_are_moved(az: Az, app: str) -> None:
    traffic = f"containerapp ingress traffic {{}} -n {app}"
    az(f"{traffic.format('set')} --revision-weight latest=80 {app}--one=20")
    assert az(traffic.format("show")) == [
        {"latestRevision": True, "weight": 80},
        {"revisionName": f"{app}--one", "weight": 20},
    ]
    label = f"containerapp revision label {{}} -n {app}"
    az(f"{label.format('add')} --label stable --revision {app}--one --yes")
    az(f"{label.format('add')} --label next --revision {app}--two --yes")
    az(f"{label.format('swap')} --source next --target stable")
    assert _labels(az, app) == {"stable": f"{app}--two", "next": f"{app}--one"}
    az(f"{traffic.format('set')} --label-weight stable=100 next=0")
    weights = {each.get("label"): each["weight"] for each in az(traffic.format("show"))}
    assert (weights["stable"], weights["next"]) == (100, 0)
    az(f"{label.format('remove')} --label next")
    assert _labels(az, app) == {"stable": f"{app}--two"}


def test_ingress_is_changed_disabled_and_enabled(az: Az, app: str) -> None:
    ingress = f"containerapp ingress {{}} -n {app}"
    changed = az(f"{ingress.format('update')} --allow-insecure true --transport http")
    assert (changed["allowInsecure"], changed["transport"]) == (True, "Http")
    before = az(ingress.format("show"))["fqdn"]
    assert "Ingress has been disabled" in az.told(ingress.format("disable"))
    assert az(f"containerapp show -n {app}")["properties"]["configuration"]["ingress"] is None
    enabled = az(f"{ingress.format('enable')} --type external --target-port 80 --transport auto")
    assert (enabled["external"], enabled["transport"], enabled["fqdn"]) == (True, "Auto", before)


def test_access_restrictions_and_cors_are_kept(az: Az, app: str) -> None:
    access = f"containerapp ingress access-restriction {{}} -n {app} --rule-name office"
    rule = {"action": "Allow", "description": "us", "ipAddressRange": "127.0.0.0/8", "name": "office"}
    assert az(f"{access.format('set')} --ip-address 127.0.0.0/8 --action Allow --description us") == [rule]
    assert az(f"containerapp ingress access-restriction list -n {app}") == [rule]
    address = az(f"containerapp show -n {app}")["properties"]["configuration"]["ingress"]["fqdn"]
    assert az.call(address).status_code == 200
    az(f"{access.format('set')} --ip-address 10.0.0.0/8 --action Allow")
    assert az.call(address).status_code == 403
    assert az(access.format("remove")) == []
    cors = f"containerapp ingress cors {{}} -n {app}"
    az(f"{cors.format('enable')} --allowed-origins https://a.example --allowed-methods GET --max-age 60")
    az(f"{cors.format('update')} --allowed-origins https://b.example")
    assert az(cors.format("show")) == az(cors.format("show")) | {
        "allowedOrigins": ["https://b.example"], "allowedMethods": ["GET"], "maxAge": 60,
    }  # fmt: skip
    allowed = az.call(address, headers={"Origin": "https://b.example"}).headers
    assert allowed["access-control-allow-origin"] == "https://b.example"
    assert az(cors.format("disable"))["corsPolicy"] is None


def test_sticky_sessions_need_a_single_revision(az: Az, app: str) -> None:
    sticky = f"containerapp ingress sticky-sessions set -n {app} --affinity sticky"
    assert "(ContainerAppInvalidIngressStickySessionRevisionMode)" in az.refused(sticky)
    assert az(f"containerapp revision set-mode -n {app} --mode single") == "Single"
    assert az(sticky)["stickySessions"] == {"affinity": "sticky"}
    active = [each["name"] for each in az(f"containerapp revision list -n {app}")]
    assert active == [f"{app}--two"]


def _labels(az: Az, app: str) -> dict[str, str]:
    shown = az(f"containerapp ingress traffic show -n {app}")
    return {each["label"]: each["revisionName"] for each in shown if each.get("label")}
