"""What a registry's build log says of a failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: As uv, pip, Docker and compilers begin theirs.
_ERROR = re.compile(r"\s*(?:error|fatal|fatal error|failed to solve|.*\berror)\s*(?:\[[^\]]*\])?:", re.IGNORECASE)
#: The registry's own last line, recorded in its form: when, which run, how it ended.
_END = re.compile(r"[\d/]+ [\d:]+ Run ID: ")


def last_error(lines: Sequence[str]) -> str:
    """Return the last line that calls itself an error, else the last that the build wrote; empty for no lines."""
    written = [line.strip() for line in lines if line.strip() and not _END.match(line)]
    errors = [line for line in written if _ERROR.match(line)]
    return (errors or written or [""])[-1]
