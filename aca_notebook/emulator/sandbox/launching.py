"""What is executed for a sandbox at each level: decided from what is wanted, what was found and what is kept."""

from __future__ import annotations

import marshal
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.process import MARK, Launch
from aca_notebook.emulator.sandbox import accounts, entry, plans, seccomp
from aca_notebook.emulator.sandbox.levels import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.sandbox.kept import Kept
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.wanted import Wanted

_ENTRY = (sys.executable, "-I", "-S", entry.__file__)


def launch(wanted: Wanted, found: Found, kept: Kept, control: int) -> Launch:
    """Return what the shim is to execute; the files that it needs are opened in `kept`. Blocks, shortly."""
    readable = plans.readable_paths(wanted.readable)
    calls = _filter(found)
    argv: tuple[str, ...] = _ENTRY
    if found.level is Level.BUBBLEWRAP:
        # Within a user namespace bubblewrap's own first process is of the same user, so the filter is for it too.
        own = found.means.user_namespace
        bubble = plans.Bubble(
            readable=readable, file_bytes=wanted.file_bytes, user_namespace=own,
            filter_file=kept.passed("filter", calls) if own else None,
            texts={path: kept.passed("text", text.encode()) for path, text in plans.fixed_texts().items()},
        )  # fmt: skip
        # Not on the command line, which the program can read: it names folders of this machine.
        words = b"\0".join(os.fsencode(word) for word in plans.bubblewrap_arguments(bubble)) + b"\0"
        argv = (str(found.means.bwrap), "--args", str(kept.passed("arguments", words)), "--", *_ENTRY)
        calls = b"" if own else calls
    plan = _plan(wanted, found, kept, control=control, calls=calls, readable=readable)
    file = kept.passed("plan", marshal.dumps(plan.encoded(), 4))
    return Launch(
        argv=(*argv, str(file)), environment={}, folder=kept.home or Path("/"),
        log_file=wanted.folder / "output.log", mark=wanted.mark, files=(control, *kept.files),
    )  # fmt: skip


def _plan(
    wanted: Wanted, found: Found, kept: Kept, *, control: int, calls: bytes, readable: list[str]
) -> plans.Plan:  # fmt: skip
    apart = found.level is Level.BUBBLEWRAP
    shown = kept.shown
    env = _environment(wanted, found, kept)
    program = shutil.which(wanted.command[0], path=env["PATH"]) or wanted.command[0]
    rules = plans.landlock_rules(found.means.landlock_abi, readable, shown)
    return plans.Plan(
        argv=(program, *(plans.placed(word, shown) for word in wanted.command[1:])),
        env=env, cwd=shown.data, control=control, groups=kept.doors(), limits=_limits(wanted, found, kept),
        folders=(shown.data, shown.run) if apart else (),
        port=plans.EGRESS_PORT if wanted.egress and found.egress else 0,
        uid=kept.uid, shown_uid=plans.INSIDE_UID if apart else None,
        landlock=rules if found.level is Level.LANDLOCK else None, filter=calls,
    )  # fmt: skip


def _environment(wanted: Wanted, found: Found, kept: Kept) -> Mapping[str, str]:
    env = {"HOME": kept.shown.tmp, "TMPDIR": kept.shown.tmp, "PATH": os.defpath}
    env |= dict.fromkeys(("USER", "LOGNAME"), "session")
    if found.level is not Level.BUBBLEWRAP:
        env[MARK] = wanted.mark  # without a namespace for processes, what runs away is found by it
    elif wanted.egress and found.egress:
        way = f"http://127.0.0.1:{plans.EGRESS_PORT}"
        env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), way)
        env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
    return env | {name: plans.placed(value, kept.shown) for name, value in wanted.env.items()}


def _limits(wanted: Wanted, found: Found, kept: Kept) -> dict[str, int]:
    """What bounds each process: the kernel counts processes by user, so ours runs some that are not the sandbox's."""
    processes: int | None = None
    if kept.uid is not None or found.means.user_namespace:
        processes = wanted.pids
    elif "pids" not in found.limits:
        processes = accounts.processes_of(os.geteuid()) + wanted.pids
    memory_bytes = None if "memory" in found.limits else wanted.memory_bytes
    return plans.limits(memory_bytes, wanted.file_bytes, processes)


def _filter(found: Found) -> bytes:
    if found.level is Level.PROCESS:
        return b""
    around = seccomp.Around.NAMESPACES if found.level is Level.BUBBLEWRAP else seccomp.Around.PATHS
    return seccomp.make_filter(
        platform.machine(), around, pinned="cpu" not in found.limits, counted="memory" in found.limits
    )
