"""What a command runs into: one line of its help. Figures of the platform: facts §3, §4, §5, §6, §8 to §10, §13."""

from __future__ import annotations

_APP = "an app's name has 2 to 32 lower-case letters, digits and single dashes, and starts with a letter"
_WRITES = "one write at a time per app: a second one waits for the first; an app that is gone stays gone"

#: By a command's full name, or by its noun when all of its verbs share them.
_LIMITS = {
    "target": "one target at a time in a notebook; handles of the one before keep theirs",
    "login": "a device code lasts 15 minutes; a token about an hour, and is renewed while the sign-in lasts",
    "setup": "50 environments in a region of a subscription, or its quota; what has a price is asked for first",
    "doctor": "reads only, unless --fix; role assignments take minutes until they hold everywhere on Azure",
    "whoami": "what a token says; what the account may do is another matter: %aca doctor",
    "deploy": f"{_APP}; 4 vCPU and 8 GiB a replica without a GPU; 16 MiB of captured data; 240 s a request",
    "plan": "sends nothing; prices are list prices, without taxes and agreements",
    "ps": "apps of one resource group; replicas are those of the latest revision",
    "show": "a snapshot; `app.refresh()` reads it again",
    "invoke": "a request is cut after 240 s of silence; JSON in, JSON out: arrays and frames go by score.remote(…)",
    "curl": "the key is fetched when the line runs, and needs a sign-in there",
    "open": "the link is good for a minute and for one browser",
    "start": _WRITES,
    "stop": _WRITES,
    "down": "deletes for good: revisions, keys and ports go with the app; logs stay in Log Analytics",
    "update": _WRITES,
    "scale": _WRITES,
    "revision": "100 inactive revisions are kept, the oldest go; several are active in multiple mode only",
    "traffic": "multiple revision mode only; shares add up to 100; a label names one revision",
    "promote": "multiple revision mode only; shares add up to 100",
    "rollback": "a revision that was removed cannot come back: 100 inactive ones are kept",
    "session": "220 s a cell, 128 MiB a file; a session ends after its time without use, 5 to 60 minutes",
    "pool": "600 sessions a pool at once; sessions have no GPU: --gpu runs an agent in an app instead",
    "ttl": "enforced by the local target; on Azure nobody takes it down by itself: %aca gc --expired does",
    "keep": "an app that never expires costs for ever while it has replicas",
    "gc": "only apps that notebooks have deployed and tagged; lists them, unless --expired or --orphans is there",
    "secret": "a name has lower-case letters, digits, '-' and '.'; what runs reads a new value after a restart",
    "identity": "a role takes minutes until it holds on Azure; the one of the system goes with its app",
    "export": "secrets become parameters: no value is written",
    "why": "looks at what the platform tells now; what it no longer tells is in the logs",
    "logs": "300 lines of tail; older ones, and those of replicas that are gone, by %aca query",
    "query": "500,000 rows or 100 MB an answer; Log Analytics is minutes behind on Azure",
    "trace": "the app must be deployed with --traces; Application Insights is minutes behind on Azure",
    "metrics": "93 days back; grains of 1m, 5m, 15m, 30m, 1h, 6h, 12h and 1d; Azure Monitor is minutes behind",
    "top": "averages over the past minutes: a spike of seconds does not show",
    "cost": "an estimate at list prices; what was billed is 8 to 24 hours behind",
    "prices": "list prices with a date each; agreements and taxes are not in them",
    "budget": "locally enforced by the target; on Azure only while a notebook looks",
    "advise": "refuses on less than an hour of running or 100 requests; changes nothing without --apply",
    "lint": "runs the cell here, deploys nothing; what only a deploy can tell is not found",
    "alert": "a rule looks every minute at best; ten webhooks an action group",
    "fault": "local targets only: Azure has bad days of its own",
    "gpu": "T4 and A100 in serverless profiles; which regions have them: %aca doctor --gpu T4",
    "limits": "what notebooks meet; quotas of a subscription: %aca doctor",
}


def limits_of(command: str) -> str:
    """Return the limits of a sub-command by its name; empty for one that nobody has thought about."""
    return _LIMITS.get(command) or _LIMITS.get(command.split(maxsplit=1)[0], "")
