"""What an app should ask for: read from its metrics, decided by `model.advice`, changed when somebody says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.api import measures
from aca_notebook.api.twin import blocking
from aca_notebook.azure.metrics import grain_seconds
from aca_notebook.errors import UsageFailed
from aca_notebook.model import metric
from aca_notebook.model.advice import Advice, AppSettings, Observed, decide_advice
from aca_notebook.model.quantities import format_memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.runner_gpus import RunnerGpus
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.app import AppState
    from aca_notebook.model.metric import Metric
    from aca_notebook.model.rate import PriceList

#: How far back advice looks, unless it is told.
SPAN = timedelta(days=7)
#: Short enough to see a peak and long enough for two weeks: Azure's own maximum of each bucket is read beside.
_GRAINS = ((timedelta(days=7), timedelta(minutes=5)), (timedelta(days=93), timedelta(hours=1)))


def _peak(of: Metric, column: str) -> Metric:
    return replace(of, aggregation="maximum", column=column)


CPU_PEAK, MEMORY_PEAK = _peak(metric.CPU, "cpu_peak_cores"), _peak(metric.MEMORY, "memory_peak_bytes")
GPU_PEAK, MOST_REPLICAS = _peak(metric.GPU, "gpu_peak_percent"), _peak(metric.REPLICAS, "most_replicas")
ASKED = (
    metric.REPLICAS, MOST_REPLICAS, metric.CPU, CPU_PEAK, metric.MEMORY, MEMORY_PEAK, metric.REQUESTS, metric.RESTARTS,
    metric.GPU, GPU_PEAK, metric.GPU_MEMORY,
)  # fmt: skip


class Advisor:
    """Advice on the apps of a workspace. Blocking methods have a twin to await (`advisor.advise.aio(…)`)."""

    def __init__(self, workspace: Workspace, access: Access) -> None:
        self._workspace = workspace
        self._access = access

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @blocking
    async def advise(self, name: str, since: timedelta = SPAN) -> Advice:
        """Return what an app should ask for, by what it used; `refusal` says where that is too little to go by.

        Raises `NotFound` for an app that is not there, `UsageFailed` for a span that cannot be.
        """
        return await self._advise(name, since)

    @blocking
    async def apply(self, name: str, since: timedelta = SPAN) -> Advice:
        """Change an app as advised, which makes a new revision of it, and return the advice.

        Raises `UsageFailed` where there is no advice, or where it takes another deployment.
        """
        advice = await self._advise(name, since)
        if advice.refusal:
            raise UsageFailed(
                f"there is too little to advise {name!r} by", code="TooLittleData", detail=advice.refusal,
                hint="let it run and answer for a while, then ask again",
            )  # fmt: skip
        if advice.proposals:
            document = await self._access.ask(lambda services: services.apps.document(name))
            change = patch_of(document, advice)
            await self._access.ask(lambda services: services.apps.patch(name, change))
        return advice

    async def _advise(self, name: str, since: timedelta) -> Advice:
        app = await self._workspace.read_app(name)
        now = self._workspace.clock.now()
        prices = self._workspace.costs.prices()
        span = (now - since, now)
        return await advise(self._access, app.state, since, prices, now, lambda: app.runner_gpus(span))


async def advise(
    access: Access, state: AppState, since: timedelta, prices: PriceList, now: datetime,
    runner: Callable[[], Awaitable[RunnerGpus]] | None = None,
) -> Advice:  # fmt: skip
    """Return what an app should ask for, by its usage since the present revision was made, at most `since` back."""
    began = state.modified_at  # what an earlier revision used says little of this one
    since = min(since, max(now - began, timedelta(minutes=5))) if began else since
    interval = next((grain for most, grain in _GRAINS if since <= most), timedelta(hours=1))
    span, grain = measures.buckets(since, interval, now)
    frame = await measures.read_metrics(access, state.id, measures.Question(span, grain, ASKED), runner)
    seen = await asyncio.to_thread(observe, frame, grain_seconds(grain), span, state.max_replicas)
    return decide_advice(settings_of(state), seen, prices)


def settings_of(state: AppState) -> AppSettings:
    """What an app asks for now."""
    profile = state.workload_profile
    dedicated = "" if not profile or state.gpu or profile.lower() == "consumption" else profile
    return AppSettings(
        state.cpu_cores, state.memory_bytes, state.min_replicas, state.max_replicas or 10, state.concurrency or 10,
        state.cooldown_seconds, state.gpu, state.gpus, dedicated,
    )  # fmt: skip


def observe(
    frame: pd.DataFrame, seconds: int, span: tuple[datetime, datetime], max_replicas: int
) -> Observed:  # fmt: skip
    """Fold a table of metrics into what advice goes by."""
    start, end = span
    total, restarts = (_column(frame, each) for each in (metric.REQUESTS, metric.RESTARTS))
    replicas = _column(frame, metric.REPLICAS).fillna(0.0)
    elapsed = [min(float(seconds), max(0.0, (end - at).total_seconds())) for at in frame.index]
    ran = replicas * elapsed
    busy = _column(frame, metric.REQUESTS).fillna(0.0) > 0
    most = _column(frame, MOST_REPLICAS).fillna(0.0)
    running = ran > 0
    return Observed(
        span_seconds=(end - start).total_seconds(), replica_seconds=float(ran.sum()),
        busy_seconds=float(ran[busy].sum()), requests=float(total.sum()),
        cpu_peak_cores=_quantile(frame, CPU_PEAK), cpu_typical_cores=_quantile(frame, metric.CPU, 0.5),
        memory_peak_bytes=_quantile(frame, MEMORY_PEAK, 1.0), gpu_peak_percent=_quantile(frame, GPU_PEAK, 1.0),
        gpu_memory_peak_bytes=_quantile(frame, metric.GPU_MEMORY, 1.0),
        replicas_peak=float(most.max()) if len(most) else 0.0,
        at_limit_share=float((most[running] >= max_replicas).mean()) if running.any() and max_replicas else 0.0,
        pauses=int((busy & ~busy.shift(-1, fill_value=True)).sum()),
        restarts=float(restarts.fillna(0.0).max()) if len(restarts) else 0.0,
    )  # fmt: skip


def patch_of(document: dict[str, Any], advice: Advice) -> dict[str, Any]:
    """Return what to send to change an app as advised: its template with other sizes and scale.

    Raises `UsageFailed` for what a change of the template cannot do.
    """
    wanted = advice.wanted
    if wanted.gpu != advice.settings.gpu:
        raise UsageFailed(
            "another GPU is another workload profile", code="UsageError",
            hint=f"deploy it again: %aca deploy {document['name']}" + (f" --gpu {wanted.gpu}" if wanted.gpu else ""),
        )  # fmt: skip
    template: dict[str, Any] = dict(document["properties"]["template"])
    first, *others = template.get("containers") or [{}]
    if others and wanted.size != advice.settings.size:
        raise UsageFailed(
            "the app has several containers, and metrics do not tell them apart", code="UsageError",
            hint="az containerapp update --container-name NAME --cpu … --memory …",
        )  # fmt: skip
    resources = {"cpu": wanted.cpu_cores, "memory": format_memory(wanted.memory_bytes)}
    kept = {**first, "resources": {**(first.get("resources") or {}), **resources}}
    kept["resources"].pop("ephemeralStorage", None)  # the platform's, by the cores
    scale = dict(template.get("scale") or {})
    scale |= {
        "minReplicas": wanted.min_replicas, "maxReplicas": wanted.max_replicas,
        "cooldownPeriod": round(wanted.cooldown_seconds),
    }  # fmt: skip
    if wanted.concurrency != advice.settings.concurrency:
        scale["rules"] = _rules(scale.get("rules") or [], wanted.concurrency)
    template |= {"containers": [kept, *others], "scale": scale, "revisionSuffix": ""}
    return {"properties": {"template": template}}


def _rules(rules: list[dict[str, Any]], concurrency: int) -> list[dict[str, Any]]:
    others = [each for each in rules if each.get("http") is None]
    named: dict[str, Any] = next((each for each in rules if each.get("http") is not None), {"name": "http"})
    http = dict(named.get("http") or {}) | {"metadata": {"concurrentRequests": str(concurrency)}}
    return [named | {"http": http}, *others]


def _column(frame: pd.DataFrame, of: Metric) -> Any:
    import pandas as pd

    if of.column in frame.columns:
        return frame[of.column].astype("float64")
    return pd.Series(float("nan"), index=frame.index)


def _quantile(frame: pd.DataFrame, of: Metric, rank: float = 0.99) -> float | None:
    values = _column(frame, of).dropna()
    return float(values.quantile(rank)) if len(values) else None
