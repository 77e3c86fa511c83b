"""Measure what users wait for, and write it down: `make bench`.

Each figure is a median over several rounds; where a peer exists its rounds are taken between ours, so that both
see the same noise. Exits 1 when a limit does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import (
    calls,
    control_plane,
    cost,
    logs,
    metrics,
    notebook,
    panel,
    population,
    road,
    sandboxes,
    sessions,
    spending,
    starting,
    traces,
)
from tests.bench.figures import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "performance.md"
CASES = {
    "extension": starting.load_extension,
    "emulator": starting.emulator_start,
    "deploy": starting.deploy_and_redeploy,
    "own-time": road.own_time,
    "lists": road.lists,
    "calls": calls.call_latency,
    "ingress": calls.ingress_throughput,
    "arm": control_plane.get_and_put,
    "population": population.full_emulator,
    "follow": logs.followed_logs,
    "logs": logs.log_tables,
    "cost": cost.cost_fold,
    "metrics": metrics.metric_costs,
    "watching": spending.watching,
    "panel": panel.side_panel,
    "traces": traces.trace_costs,
    "completion": notebook.completion,
    "cards": notebook.card_updates,
    "live-hour": notebook.live_hour,
    "sessions": sessions.call_into_a_session,
    "new-sessions": sessions.new_session,
    "many-sessions": sessions.many_sessions,
    "isolation": sandboxes.isolation,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "cases", nargs="*", choices=[*CASES, []], help="all when none is named; the page is written only then"
    )
    chosen = parser.parse_args().cases or list(CASES)
    figures = []
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="aca-bench-") as home:
            for figure in CASES[name](Path(home)):
                print(figure.row(), flush=True)
                figures.append(figure)
    if len(chosen) == len(CASES):
        PAGE.write_text(page(figures, f"{datetime.now(UTC):%Y-%m-%d}"))
    return 0 if all(figure.within is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
