"""Flags of hosting on the line, as the library is given them; and lines that are shown in place of being done."""

from __future__ import annotations

import pytest

from aca_notebook.api.updating import Changes
from aca_notebook.errors import UsageFailed
from aca_notebook.magics import words
from aca_notebook.magics.subcommands import GRAMMAR
from aca_notebook.model.hosting import Dapr, Hosting, Probe, ScaleRule

IMAGE = "myregistry.azurecr.io/ai-model:latest"


def asked(notebook, line: str) -> dict:
    notebook.run(line)
    assert notebook.error is None, notebook.error
    verb, _, _, options = notebook.workspace.asked[-1]
    assert verb in {"deploy", "plan"}
    return options


def test_what_guides_write_becomes_hosting(notebook) -> None:
    options = asked(
        notebook,
        f"%aca deploy prod --image {IMAGE} --registry-server myregistry.azurecr.io --registry-identity system "
        "--cpu 4 --memory 8Gi --gpu-type nvidia-a100 --gpu-count 1 --min-replicas 0 --max-replicas 20 "
        "--scale-rule-name http-scaling --scale-rule-type http --scale-rule-http-concurrency 10 --ingress external "
        '--target-port 8080 --transport http2 --env-vars "AZURE_CLIENT_ID=secretref:client-id" MODE=a --public '
        "--dapr-app-id myapp --dapr-app-port 8080 --dapr-app-protocol http --enable-dapr --system-assigned",
    )
    assert options["hosting"] == Hosting(
        image=IMAGE, registry_server="myregistry.azurecr.io", registry_identity="system", ingress="external",
        target_port=8080, transport="http2", scale_rule=ScaleRule("http-scaling", "http", {"concurrentRequests": "10"}),
        dapr=Dapr("myapp", 8080, "http"), system_assigned=True,
    )  # fmt: skip
    assert (options["gpu"], options["gpu_count"]) == ("A100", 1)
    assert (options["env"], options["secrets"]) == ({"MODE": "a"}, {"AZURE_CLIENT_ID": "client-id"})
    assert options["cell"] == "", "an image is of no cell"


def test_a_scaler_by_the_words_of_guides(notebook) -> None:
    rule = asked(
        notebook,
        f"%aca plan p --image {IMAGE} --scale-rule-name gpu --scale-rule-type custom "
        "--scale-rule-custom-type Prometheus "
        "--scale-rule-metadata serverAddress=http://p:9090 threshold=80 query=\"avg(gpu{app='myapp'})\" "
        "--scale-rule-auth key=a-secret",
    )["hosting"].scale_rule  # fmt: skip
    assert rule.type == "prometheus"
    assert rule.metadata["query"] == "avg(gpu{app='myapp'})"
    assert rule.auth == {"key": "a-secret"}


def test_switches_may_be_followed_by_their_value(notebook) -> None:
    on = asked(
        notebook, f"%aca plan p --image {IMAGE} --enable-dapr true --dapr-app-id a --dapr-enable-api-logging true"
    )
    assert on["hosting"].dapr == Dapr("a", enable_api_logging=True)
    off = asked(notebook, f"%aca plan p --image {IMAGE} --system-assigned false")
    assert off["hosting"].system_assigned is False
    assert (off["hosting"].allow_insecure, off["hosting"].dapr) == (None, None)
    off = asked(notebook, f"%aca plan p --image {IMAGE} --allow-insecure false --enable-dapr false")
    assert (off["hosting"].allow_insecure, off["hosting"].dapr) == (False, Dapr(enabled=False))


def test_probes_stand_on_the_line(notebook) -> None:
    options = asked(notebook, f"%aca plan p --image {IMAGE} --probe liveness:/live:80,periodSeconds=5 readiness:tcp:80")
    assert options["hosting"].probes == (
        Probe("liveness", "/live", 80, (("periodSeconds", 5),)),
        Probe("readiness", "", 80),
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%aca plan p --image i --scale-rule-http-concurrency 3", "a scale rule has a name"),
        ("%aca plan p --image i --dapr-app-id x", "--enable-dapr"),
        (
            "%aca plan p --image i --scale-rule-name q --scale-rule-type cpu --scale-rule-http-concurrency 3",
            "counts no requests",
        ),
        ("%aca plan p --image i --target-port 0", "no port"),
        ("%aca plan p --image i --tags x", "KEY=VALUE"),
        ("%aca plan p --image i --gpu-type H100", "T4 or A100"),
        ("%%aca deploy p --image i\nx = 1", "an image runs in place of a cell"),
    ],
)
def test_what_says_nothing_is_refused_in_words(notebook, line: str, says: str) -> None:
    notebook.run(line)
    assert isinstance(notebook.error, UsageFailed)
    assert says in "\n".join(notebook.error.lines())


def test_a_reference_to_a_secret_is_no_secret_and_a_value_is() -> None:
    words.refuse_secrets(["--env-vars", "HF_TOKEN=secretref:huggingface-token"])
    with pytest.raises(UsageFailed, match="looks like a secret"):
        words.refuse_secrets(["--env-vars", "HF_TOKEN=secretref:NotAName_but+a/value"])


def test_an_update_says_what_changes_and_nothing_else(notebook) -> None:
    notebook.run("%aca update scorer --min-replicas 0 --set-env-vars A=1 B=secretref:b --remove-env-vars C --gpu T4")
    ((verb, name, (changes,), _),) = [each for each in notebook.workspace.asked if each[0] == "update"]
    assert (verb, name) == ("update", "scorer")
    assert changes == Changes(gpu="T4", min_replicas=0, set_env={"A": "1", "B": "secretref:b"}, remove_env=("C",))


def test_all_variables_go_and_a_forced_restart_changes_nothing(notebook) -> None:
    notebook.run("%aca update scorer --remove-all-env-vars")
    assert notebook.workspace.asked[-1][2][0].replace_env == {}
    notebook.run("%aca update scorer --force-restart")
    assert notebook.workspace.asked[-1][0] == "restart_revision"


@pytest.mark.parametrize(
    ("line", "form", "left"),
    [
        ("down scorer --show-az", "az", ["down", "scorer"]),
        ("--show-rest down scorer", "rest", ["down", "scorer"]),
        ("down scorer", "", ["down", "scorer"]),
        ("deploy w --args -- --show-az", "", ["deploy", "w", "--args", "--", "--show-az"]),
    ],
)
def test_a_line_is_shown_by_one_more_word(line: str, form: str, left: list[str]) -> None:
    assert words.take_form(line.split()) == (form, left)


def test_every_command_that_cannot_be_shown_is_one() -> None:
    nouns = {command.name.split()[0] for command in GRAMMAR.commands}
    assert not words.can_be_shown("session list")
    assert words.can_be_shown("down")
    assert {noun for noun in words.NOT_SHOWN if noun not in nouns} == set()


@pytest.mark.parametrize(
    "line",
    ["%aca invoke scorer 1 --show-az", "%aca session list --show-rest", "%aca secret set x --show-az",
     "%aca prices refresh --show-az"],
)  # fmt: skip
def test_what_would_be_done_to_be_shown_is_refused_and_not_done(notebook, line: str) -> None:
    notebook.run(line)
    assert notebook.error.code == "NothingToShow"
    assert notebook.workspace.asked == []
