"""What a bundle serves, as cards and curl say it: the very paths the runner answers at."""

from __future__ import annotations

import pytest

from aca_notebook.api.packing import entry_path, example_body, served_paths
from aca_notebook.model.app import EVERY_PATH
from aca_notebook.packaging.exports import Export
from aca_notebook.runner import services

METHODS = (Export("fit", "method"), Export("predict", "method"))
CLASS = Export("Model", "class", methods=METHODS)
SMALL = Export("Small", "class", methods=METHODS[:1])
FUNCTION = Export("score", "function")


@pytest.mark.parametrize(
    ("export", "paths"),
    [(FUNCTION, ["score"]), (CLASS, ["Model/fit", "Model/predict"]), (Export("app", "asgi"), [EVERY_PATH])],
    ids=["function", "class", "application"],
)
def test_each_export_is_served_at_paths_that_can_be_pasted(export, paths):
    assert served_paths(export) == paths


@pytest.mark.parametrize("entry", ["score", "Model", "Model.fit", "Small"])
def test_the_entry_is_the_path_the_runner_chooses(entry):
    paths = [path for export in (FUNCTION, CLASS, SMALL) for path in served_paths(export)]
    theirs = services.Services(by_path=dict.fromkeys(paths))  # type: ignore[arg-type]  # only the names are looked at

    assert entry_path(paths, entry) == services.entry_path(theirs, entry) != ""


def test_the_example_of_a_method_leaves_its_object_out():
    class Model:
        def predict(self, x: float, times: int = 2) -> float:
            return x * times

    assert example_body(Model, "Model/predict") == '{"x": 9.0}'
