"""The sub-commands: Azure's nouns and flags as in `az containerapp`, each with three examples.

One module a noun: what its sub-commands parse into (frozen values, checked once, at the edge) and their table. What
they do is in the module of the same name in `commands`.
"""

from __future__ import annotations

from aca_notebook.magics.grammar import Grammar
from aca_notebook.magics.subcommands import (
    advice,
    alerts,
    apps,
    budgets,
    checkup,
    cost,
    diagnosis,
    exports,
    faults,
    identities,
    lifecycle,
    lints,
    login,
    logs,
    metrics,
    platform,
    pools,
    revisions,
    secrets,
    sessions,
    setup,
    targets,
    traces,
    updates,
)

GRAMMAR = Grammar((
    *targets.COMMANDS,
    *login.COMMANDS,
    *setup.COMMANDS,
    *checkup.COMMANDS,
    *apps.COMMANDS,
    *updates.COMMANDS,
    *revisions.COMMANDS,
    *sessions.COMMANDS,
    *pools.COMMANDS,
    *lifecycle.COMMANDS,
    *secrets.COMMANDS,
    *identities.COMMANDS,
    *exports.COMMANDS,
    *diagnosis.COMMANDS,
    *logs.COMMANDS,
    *traces.COMMANDS,
    *metrics.COMMANDS,
    *cost.COMMANDS,
    *budgets.COMMANDS,
    *advice.COMMANDS,
    *lints.COMMANDS,
    *alerts.COMMANDS,
    *faults.COMMANDS,
    *platform.COMMANDS,
))  # fmt: skip
