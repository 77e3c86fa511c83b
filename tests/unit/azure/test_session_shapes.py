"""Bodies as both generations of the data plane write them (recorded: session_code_interpreter_e2e, facts §5.3)."""

from __future__ import annotations

from aca_notebook.azure.session_pools import PoolWishes, new_document, patch_document, read_pool
from aca_notebook.azure.session_shapes import (
    new_execution,
    old_execution,
    read_file,
    read_finished,
    read_isolation,
    shown_result,
)
from aca_notebook.model.session import HYPER_V, ContainerType

NEW = {
    "$id": "1", "id": "8148", "identifier": "lab1", "executionType": "synchronous", "status": "Succeeded",
    "result": {"$id": "2", "stdout": "Hello\n", "stderr": "", "executionResult": "", "executionTimeInMilliseconds": 7},
}  # fmt: skip
OLD = {
    "$id": "1",
    "properties": {"$id": "2", "status": "Success", "stdout": "", "stderr": "", "result": 42,
                   "executionTimeInMilliseconds": 35},
}  # fmt: skip


def test_an_execution_is_asked_for_without_properties_and_before_with_them() -> None:
    asked = new_execution(ContainerType.PYTHON, "1", 600)
    assert asked == {
        "codeInputType": "inline", "executionType": "synchronous", "code": "1", "timeoutInSeconds": 220,
    }  # fmt: skip
    assert old_execution("1", 60)["properties"]["timeoutInSeconds"] == 60
    assert new_execution(ContainerType.SHELL, "ls", 5) == {"shellCommand": "ls", "timeoutInSeconds": 5}


def test_both_generations_of_an_answer_are_read() -> None:
    new, old = read_finished(NEW), read_finished(OLD)
    assert (new.id, new.succeeded, new.stdout, new.result, new.milliseconds) == ("8148", True, "Hello\n", None, 7)
    assert (old.succeeded, old.result, old.milliseconds) == (True, 42, 35)
    assert not read_finished({"properties": {"status": "Failure", "stderr": "x"}}).succeeded


def test_a_shells_status_is_its_exit_code() -> None:
    done = read_finished({"status": "2", "result": {"stdout": "", "stderr": "no such file"}})
    assert (done.exit_code, done.succeeded) == (2, False)
    assert read_finished({"status": "0", "result": {}}).succeeded
    assert read_finished({"status": "Succeeded"}).exit_code is None


def test_a_plot_of_azures_is_a_picture() -> None:
    assert shown_result({"type": "image", "format": "png", "base64_data": "AAAA"})["image/png"] == "AAAA"
    assert shown_result([1, 2]) == {"text/plain": "[1, 2]"}


def test_files_of_both_generations_are_read() -> None:
    new = read_file(
        {"name": "a.txt", "type": "file", "sizeInBytes": 7, "lastModifiedAt": "2024-11-11T09:05:02.4865293Z"}, ""
    )
    old = read_file({"properties": {"filename": "a.txt", "size": 7}}, "plots")
    assert (new.path, new.size_bytes, new.modified_at.year, new.directory) == ("a.txt", 7, 2024, False)
    assert (old.path, old.size_bytes) == ("plots/a.txt", 7)


def test_a_pool_that_says_nothing_of_isolation_is_azures() -> None:
    assert read_isolation({"runtimes": []}) == HYPER_V
    told = read_isolation({"isolation": {"isolated": False, "level": "process", "reason": "no namespaces here"}})
    assert told.words == "not isolated (process): no namespaces here"
    assert not read_isolation({"isolation": {"isolated": "yes"}}).isolated


def test_a_pool_goes_out_and_comes_back() -> None:
    document = new_document(PoolWishes(max_sessions=5, cooldown_seconds=600, egress=True), "eastus", "")
    pool = read_pool({"name": "lab", **document})
    assert (pool.name, pool.max_sessions, pool.cooldown_seconds, pool.egress) == ("lab", 5, 600, True)
    assert pool.lifetime == "after 10 min without use"
    before = {"dynamicPoolConfiguration": {"executionType": "Timed", "cooldownPeriodInSeconds": 300}}
    assert read_pool({"name": "old", "properties": before}).cooldown_seconds == 300


def test_a_change_names_what_changes_and_sends_its_part_whole() -> None:
    present = {"properties": {"scaleConfiguration": {"maxConcurrentSessions": 20, "readySessionInstances": 1}}}
    assert patch_document(PoolWishes(ready_sessions=3), present)["properties"] == {
        "scaleConfiguration": {"maxConcurrentSessions": 20, "readySessionInstances": 3}
    }
    assert patch_document(PoolWishes(), present) == {"properties": {}}
