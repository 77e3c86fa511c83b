"""What no other tool checks: the tracked files themselves. Run by `make check`; prints what is wrong and exits 1."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{40}|eyJhbGciOi[A-Za-z0-9_-]{20,}\.eyJ"
)
MAX_BYTES = 1_000_000


def tracked() -> list[Path]:
    """Files git tracks, and those it would if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def problems() -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT)
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            found.append(f"{name}: {len(content):,} bytes; keep large files out of the repository")
        text = content.decode("utf-8", errors="replace")
        if str(ROOT) in text or str(Path.home()) + "/" in text:
            found.append(f"{name}: names a path of this machine")
        if SECRETS.search(text) and path != Path(__file__):
            found.append(f"{name}: looks like it holds a secret")
        if path.suffix == ".lock" and "://" in text:
            found.append(f"{name}: names an address; locks hold names, versions and hashes only")
        if path.name == "package-lock.json" and '"resolved"' in text:
            found.append(f"{name}: names where packages were fetched; `npm install` with our .npmrc leaves that out")
    return found


if __name__ == "__main__":
    wrong = problems()
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.exit(1 if wrong else 0)
