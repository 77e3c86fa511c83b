"""The line of a build's log that says why it failed."""

from __future__ import annotations

import pytest

from aca_notebook.model.build_log import last_error

END = "2026/11/23 16:36:06 Run ID: ca1 ended as Failed"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["Resolved 9 packages", "error: Failed to build `broken`", "  cause: exit status: 1", "hint: ask", END],
         "error: Failed to build `broken`"),
        (["ERROR: No matching distribution found for nothing==9", END],
         "ERROR: No matching distribution found for nothing==9"),
        (["Step 2/3", "main.c:3:1: fatal error: Python.h: No such file", "make: *** [all] Error 1", END],
         "main.c:3:1: fatal error: Python.h: No such file"),
        (["failed to solve: process did not complete", END], "failed to solve: process did not complete"),
        (["Step 1/3", "no space left on device", END], "no space left on device"),
        (["", END], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_it_is_the_last_that_calls_itself_an_error(lines, said):
    assert last_error(lines) == said
