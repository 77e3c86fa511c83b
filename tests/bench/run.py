"""Measure what users wait for, and write it down: `make bench`.

Each figure is a median over several rounds; where a peer exists its rounds are taken between ours, so that both
see the same noise. Exits 1 when a limit does not hold.
"""

from __future__ import annotations

import argparse
import os
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
from tests.bench.figures import page, section, sections_of

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
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all when none is named")
    within = True
    for name in parser.parse_args().cases or list(CASES):
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory(prefix="aca-bench-") as home:
            figures = CASES[name](Path(home))
        for figure in figures:
            print(figure.row(), flush=True)
            within = within and figure.within is not False
        sections = sections_of(PAGE.read_text()) | {name: section(figures, f"{datetime.now(UTC):%Y-%m-%d}", load)}
        PAGE.write_text(page({case: sections[case] for case in CASES if case in sections}))
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
