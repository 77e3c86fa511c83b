"""Whether calls are traced, and how long a replica took to start. Nothing here needs OpenTelemetry.

A deployment that asks for traces says so by `ACA_NOTEBOOK_TRACES=1`, and names the component that they go to by
`APPLICATIONINSIGHTS_CONNECTION_STRING`, as Azure's own exporters are told.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping

    from aca_notebook.runner.tracing_spans import Traces

ASKED = "ACA_NOTEBOOK_TRACES"
CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
#: The exporter asks Microsoft how to behave, tells it how it is used, and sends a metric with each batch: none of
#: that is what a deployment asked for. Each may be set otherwise.
_QUIET = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a replica's start, in nanoseconds since 1970."""

    name: str
    began: int
    ended: int


class Stages:
    """Notes how long the steps of the start take; `now` is nanoseconds since 1970."""

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self.finished: list[Stage] = []
        self.began = now()
        self.ready: int | None = None  #: when the replica began to listen
        self._now = now

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note what is done in the block."""
        began = self._now()
        try:
            yield
        finally:
            self.finished.append(Stage(name, began, self._now()))

    def listening(self) -> None:
        """The start is over."""
        self.ready = self._now()


def start(environment: Mapping[str, str], stages: Stages) -> Traces | None:
    """Begin to trace, before the user's code is imported, where a deployment asked for it; else return None."""
    if environment.get(ASKED) != "1" or not environment.get(CONNECTION):
        return None
    _keep_quiet(os.environ)
    with stages.step("start tracing"):
        from aca_notebook.runner.tracing_spans import Traces  # OpenTelemetry is in the bundles that ask for it alone

        traces = Traces(environment, stages)
        traces.install()
        return traces


def _keep_quiet(variables: MutableMapping[str, str]) -> None:
    for name, value in _QUIET.items():
        variables.setdefault(name, value)
