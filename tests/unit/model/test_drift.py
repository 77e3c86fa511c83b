"""What somebody else did to an app is told apart from what the platform fills in."""

from __future__ import annotations

import pytest

from aca_notebook.model.app import Tags
from aca_notebook.model.drift import changed_elsewhere, said_of_cell, said_of_changes, said_of_others

OURS = {
    "containers": [{"name": "scorer", "image": "r/scorer:1", "env": [{"name": "A", "value": "1"}]}],
    "scale": {"minReplicas": 0, "maxReplicas": 4},
}


def theirs(**changed: object) -> dict[str, object]:
    container = OURS["containers"][0] | {"resources": {"ephemeralStorage": "2Gi"}, "imageType": "ContainerImage"}
    return {"containers": [container], "scale": OURS["scale"] | {"pollingInterval": 30} | changed, "revisionSuffix": ""}


def test_what_the_platform_fills_in_is_no_change() -> None:
    assert changed_elsewhere(OURS, theirs()) == ()


def test_what_was_set_otherwise_is_told_with_what_it_becomes() -> None:
    found = changed_elsewhere(OURS, theirs(maxReplicas=7))
    assert said_of_changes(found) == "changed since it was deployed: scale.maxReplicas was made 7 and becomes 4"


def test_a_variable_that_was_added_or_taken_away_is_a_change() -> None:
    there = theirs()
    there["containers"][0]["env"] = [{"name": "B", "value": "2"}]
    said = said_of_changes(changed_elsewhere(OURS, there))
    assert "env[A].value was made nothing and becomes 1" in said
    assert "env[B].value was made 2 and becomes nothing" in said


def test_of_many_changes_the_first_are_told_and_the_rest_counted() -> None:
    ours = {"scale": {f"field{number}": number for number in range(1, 6)}}
    assert said_of_changes(changed_elsewhere(ours, {})).endswith(", and 2 more")


@pytest.mark.parametrize(
    ("deployed", "mark", "tags", "said"),
    [
        ("", "theirs", Tags(), ""),
        ("ours", "ours", Tags(), ""),
        ("", None, None, ""),
        ("ours", None, None, "taken down elsewhere"),
        ("ours", "theirs", Tags("ann", "m.ipynb", "In[3]"), "elsewhere since (by ann, from In[3] of m.ipynb)"),
        ("ours", "", Tags(), "'scorer' was deployed elsewhere since; this deploy takes its place"),
    ],
    ids=["never from here", "still ours", "never anywhere", "gone", "somebody's", "nobody's"],
)
def test_whose_an_app_is_now_is_told_to_who_deployed_it_before(deployed, mark, tags, said) -> None:
    told = said_of_others("scorer", deployed, mark, tags)
    assert said in told
    assert bool(said) == bool(told)


@pytest.mark.parametrize(
    ("runs", "here", "said"),
    [
        ("one", "one", ""),
        ("one", "two", "was changed here since"),
        ("two", "one", "another version than was deployed from here, from In[3] of m.ipynb"),
        ("two", "two", "another version"),
    ],
    ids=["the same", "edited here", "deployed elsewhere", "both"],
)
def test_what_runs_is_compared_with_the_cell_as_it_is_and_as_it_was(runs: str, here: str, said: str) -> None:
    told = said_of_cell("one", runs, here, Tags("ann", "m.ipynb", "In[3]"))
    assert said in told
    assert bool(said) == bool(told)
