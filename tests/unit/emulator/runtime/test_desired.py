"""Reading documents: Azure's defaults, its spellings, its gaps."""

from __future__ import annotations

import pytest

from aca_notebook.emulator.runtime.desired import Probe, Scale, ScaleRule, TrafficWeight, desired_app

ID = "/subscriptions/S/resourceGroups/Local/providers/Microsoft.App/containerApps/Scorer"


def document(ingress=None, template=None, **properties):
    configuration = {"ingress": ingress, "activeRevisionsMode": properties.pop("mode", "Single")}
    app = {"id": ID, "properties": {"environmentId": "/x/managedEnvironments/local", "configuration": configuration}}
    app["properties"] |= {"latestRevisionName": "scorer--1"} | properties
    containers = [{"name": "main", "image": "hello"}]
    revision = {"name": "scorer--1", "properties": {"active": True, "template": {"containers": containers}}}
    revision["properties"]["template"] |= template or {}
    return app, [revision]


def read(*args, profiles=None, **kwargs):
    app, revisions = document(*args, **kwargs)
    return desired_app(app, revisions, profiles or {})


def test_an_app_is_known_by_its_id_in_lower_case_and_its_environment_by_name():
    app = read()
    assert app.key == ID.lower()
    assert (app.name, app.environment, app.running, app.single) == ("Scorer", "local", True, True)


def test_azures_defaults_are_filled_in():
    revision = read({"external": True, "targetPort": 80}).revisions[0]
    assert revision.scale == Scale(0, 10, 300.0, (ScaleRule("http", "http", 10.0),))
    assert (revision.cpu_cores, revision.memory_bytes) == (0.5, 2**30)
    assert revision.termination_grace_seconds == 30.0


def test_an_app_without_ingress_has_no_default_rule_and_no_default_probe():
    revision = read().revisions[0]
    assert revision.scale.rules == ()
    assert revision.containers[0].probes == ()


def test_ingress_adds_the_probes_that_are_not_declared():
    own = {"type": "readiness", "httpGet": {"path": "/ready", "port": 80}, "periodSeconds": 2}
    template = {"containers": [{"name": "main", "image": "hello", "probes": [own]}]}
    probes = read({"external": True, "targetPort": 80}, template).revisions[0].containers[0].probes
    assert [probe.kind for probe in probes] == ["Readiness", "Startup"]
    assert probes[0] == Probe("Readiness", "/ready", period_seconds=2)


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param(80, 0, id="the target port is the container's own port here"),
        pytest.param(9090, 9090, id="another port stays what it is"),
    ],
)
def test_a_probe_looks_where_the_program_listens_on_this_machine(port, expected):
    probe = {"type": "Liveness", "tcpSocket": {"port": port}}
    template = {"containers": [{"name": "main", "image": "hello", "probes": [probe]}]}
    probes = read({"external": True, "targetPort": 80}, template).revisions[0].containers[0].probes
    assert probes[0].port == expected


def test_a_probe_says_its_host_and_whether_it_speaks_tls():
    get = {"path": "/", "port": 80, "scheme": "HTTPS", "host": "app.example"}
    template = {"containers": [{"name": "main", "image": "hello", "probes": [{"type": "Liveness", "httpGet": get}]}]}
    probe = read({"external": True, "targetPort": 80}, template).revisions[0].containers[0].probes[0]
    assert (probe.secure, probe.headers) == (True, (("host", "app.example"),))


def test_what_is_asked_for_and_not_done_is_told():
    template = {
        "containers": [{"name": "main", "image": "hello", "volumeMounts": [{"volumeName": "v", "mountPath": "/data"}]}],
        "volumes": [{"name": "v", "storageType": "AzureFile"}],
    }
    app = read({"external": True, "targetPort": 80, "clientCertificateMode": "require"}, template)
    assert [sentence.partition(" ")[0] for sentence in app.shortfalls] == ["ingress.clientCertificateMode", "Volume"]
    assert "'v' (AzureFile) is not mounted: '/data'" in app.shortfalls[1]
    assert read({"external": True, "targetPort": 80}).shortfalls == ()


def test_a_gpu_comes_with_the_profile_and_not_with_the_container():
    revision = read(workloadProfileName="gpu-t4", profiles={"gpu-t4": "Consumption-GPU-NC8as-T4"}).revisions[0]
    assert (revision.gpus, revision.gpu_model) == (1, "T4")


def test_rules_are_read_by_kind_and_their_figures_are_strings():
    rules = [
        {"name": "a", "http": {"metadata": {"concurrentRequests": "50"}}},
        {"name": "b", "tcp": {"metadata": {"concurrentConnections": "7"}}},
        {"name": "c", "custom": {"type": "cpu", "metadata": {"type": "Utilization", "value": "60"}}},
        {"name": "d", "azureQueue": {"queueLength": 5}},
        {"name": "e", "http": {"metadata": {"concurrentRequests": "nonsense"}}},
    ]
    assert read({"targetPort": 1}, {"scale": {"rules": rules}}).revisions[0].scale.rules == (
        ScaleRule("a", "http", 50.0),
        ScaleRule("b", "tcp", 7.0),
        ScaleRule("c", "cpu", 60.0),
        ScaleRule("d", "azure-queue", 5.0),
        ScaleRule("e", "http", 10.0),
    )


def test_a_secret_variable_keeps_the_secrets_name_and_no_value():
    env = [{"name": "A", "value": "1"}, {"name": "B", "secretRef": "key"}]
    container = read(template={"containers": [{"name": "m", "image": "i", "env": env}]}).revisions[0].containers[0]
    assert (container.env, container.secret_env) == ((("A", "1"),), (("B", "key"),))


def test_traffic_without_entries_goes_to_the_latest():
    assert read({"external": True, "traffic": []}).ingress.traffic == (TrafficWeight(weight=100, latest=True),)


def test_a_stopped_app_is_not_meant_to_run():
    assert not read(runningStatus="Stopped").running


@pytest.mark.parametrize(
    ("kind", "value", "percent"),
    [
        pytest.param("cpu", "250m", 50.0, id="thousandths of a core"),
        pytest.param("cpu", "0.1", 20.0, id="cores"),
        pytest.param("memory", "256Mi", 25.0, id="bytes"),
        pytest.param("memory", "much", 100.0, id="nonsense"),
    ],
)
def test_an_average_value_is_a_share_of_what_each_replica_has(kind, value, percent):
    rule = {"name": "r", "custom": {"type": kind, "metadata": {"type": "AverageValue", "value": value}}}
    (found,) = read(template={"scale": {"rules": [rule]}}).revisions[0].scale.rules
    assert found == ScaleRule("r", kind, percent)
