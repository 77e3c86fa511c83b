"""How an app is hosted: what is read from words, and what is refused before anything is asked of the platform."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.hosting import PROBE_KINDS, Dapr, Hosting, Probe, ScaleRule, described, read_probe
from aca_notebook.model.hosting_rules import problem, rule_problem

IMAGE = Hosting(image="r.azurecr.io/web:1", ingress="internal", target_port=8080)


@pytest.mark.parametrize(
    ("text", "probe"),
    [
        ("liveness:/health", Probe("liveness", "/health")),
        ("Readiness:/ready:8080", Probe("readiness", "/ready", 8080)),
        ("startup:tcp:6379", Probe("startup", "", 6379)),
        ("liveness:/:80,periodSeconds=10,failureThreshold=3",
         Probe("liveness", "/", 80, (("periodSeconds", 10), ("failureThreshold", 3)))),
    ],
)  # fmt: skip
def test_a_probe_is_read(text: str, probe: Probe) -> None:
    assert read_probe(text) == probe


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alive:/health", "'alive' is no probe; there are startup, readiness, liveness"),
        ("liveness:health", "write it like readiness:/health:8000"),
        ("liveness:/health:99999", "99999 is no port"),
        ("liveness:/health,period=10", "a probe has no 'period'"),
        ("liveness:/health,periodSeconds=0", "from 1 to 240"),
        ("liveness:/health,periodSeconds=soon", "from 1 to 240"),
    ],
)
def test_a_probe_that_is_none_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        read_probe(text)


@given(some.sampled_from(PROBE_KINDS), some.from_regex(r"/[a-z0-9/_-]{0,20}", fullmatch=True), some.integers(1, 65535))
def test_any_path_and_port_are_read_back(kind: str, path: str, port: int) -> None:
    assert read_probe(f"{kind}:{path}:{port}") == Probe(kind, path, port)


QUEUE = ScaleRule("q", "azure-servicebus", {"queueName": "jobs"}, {"connection": "bus"})


@pytest.mark.parametrize(
    ("hosting", "code"),
    [
        (Hosting(command=("python",)), "NotOfACell"),
        (Hosting(registry_server="x.azurecr.io"), "NotOfACell"),
        (Hosting(transport="http2"), "NotOfACell"),
        (replace(IMAGE, ingress="external"), "ImageWithoutDoor"),
        (replace(IMAGE, ingress=""), "IngressMissing"),
        (replace(IMAGE, transport="tcp", target_port=0), "TargetPortMissing"),
        (replace(IMAGE, registry_identity="system"), "RegistryServerMissing"),
        (replace(IMAGE, registry_identity="system", registry_server="docker.io"), "RegistryNotAzure"),
        (replace(IMAGE, dapr=Dapr("")), "DaprAppIdMissing"),
        (replace(IMAGE, user_assigned=("/subscriptions/s/x/y",)), "IdentityNotFound"),
        (replace(IMAGE, scale_rule=ScaleRule("c", "cpu", {"value": "50"})), "ScaleRuleNeedsReplica"),
        (replace(IMAGE, scale_rule=replace(QUEUE, auth={})), "ScaleRuleIncomplete"),
        (replace(IMAGE, scale_rule=replace(QUEUE, metadata={})), "ScaleRuleIncomplete"),
        (replace(IMAGE, scale_rule=ScaleRule("p", "custom")), "ScaleRuleTypeUnknown"),
        (replace(IMAGE, scale_rule=ScaleRule("h", "http", {"concurrentRequests": "many"})), "ScaleRuleIncomplete"),
    ],
)
def test_what_cannot_be_is_named_with_what_to_write_instead(hosting: Hosting, code: str) -> None:
    found = problem(hosting, public=False)
    assert found is not None
    assert found.code == code
    assert found.message
    assert found.hint


@pytest.mark.parametrize(
    "hosting",
    [
        Hosting(), IMAGE, replace(IMAGE, scale_rule=QUEUE), replace(IMAGE, dapr=Dapr("web")),
        Hosting(ingress="internal", dapr=Dapr("cell")),
        replace(IMAGE, registry_server="x.azurecr.io", registry_identity="system"),
        replace(IMAGE, registry_server="X.azurecr.us", registry_identity="system"),
        replace(IMAGE, registry_server="x.azurecr.cn", registry_identity="system"),
        replace(IMAGE, scale_rule=ScaleRule("k", "a-scaler-of-tomorrow", {"anything": "1"})),
    ],
)  # fmt: skip
def test_what_can_be_is_let_through(hosting: Hosting) -> None:
    assert problem(hosting, public=False) is None


def test_a_topic_and_its_subscription_stand_for_a_queue() -> None:
    topic = replace(QUEUE, metadata={"topicName": "t", "subscriptionName": "s"})
    assert rule_problem(topic) is None
    assert "queueName" in rule_problem(replace(QUEUE, metadata={"topicName": "t"})).message


def test_a_cpu_rule_is_for_an_app_that_keeps_a_replica() -> None:
    busy = replace(IMAGE, scale_rule=ScaleRule("c", "cpu", {"value": "50"}))
    assert problem(busy, public=False, minimum=1) is None


def test_a_card_says_what_was_asked_and_nothing_else() -> None:
    assert described(Hosting()) == ()
    said = dict(described(replace(IMAGE, scale_rule=QUEUE, dapr=Dapr("web", 80), system_assigned=True)))
    assert said == {
        "image": "r.azurecr.io/web:1", "ingress": "internal, port 8080, auto",
        "rule": "q (azure-servicebus: queueName jobs)",
        "Dapr": "web, http on 80", "identity": "system",
    }  # fmt: skip
