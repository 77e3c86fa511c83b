"""What was chosen in a form as the line that does it: the words of `%aca deploy`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

#: What may stand in a form's field for how long an app lives; the last is for ever.
SPANS = ("1h", "8h", "1d", "7d", "keep")
CORES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class DeployChoice:
    """What to deploy and how. `secrets` are names of secrets; the variable of each is its name in capitals."""

    function: str
    name: str
    gpu: str = ""
    cpu: float = 0.5
    min_replicas: int = 0
    max_replicas: int = 0
    secrets: tuple[str, ...] = ()
    ttl: str = "8h"
    public: bool = False

    def line(self, verb: str = "deploy") -> str:
        """Return the magic line that deploys it, or with another verb plans it; defaults are left out."""
        words = ["%aca", verb, self.name, "--entry", self.function]
        words += ["--gpu", self.gpu] if self.gpu else []
        words += ["--cpu", f"{self.cpu:g}"] if not self.gpu and self.cpu != 0.5 else []
        words += ["--min-replicas", str(self.min_replicas)] if self.min_replicas else []
        words += ["--max-replicas", str(self.max_replicas)] if self.max_replicas else []
        for name in self.secrets:
            words += ["--secret", f"{variable_of(name)}={name}"]
        words += ["--keep"] if self.ttl == "keep" else ["--ttl", self.ttl] if self.ttl != "8h" else []
        words += ["--public"] if self.public else []
        return shlex.join(words)


def variable_of(secret: str) -> str:
    """Return the variable that a secret's value is put into: `hf-token` becomes `HF_TOKEN`."""
    found = re.sub(r"[^A-Z0-9]", "_", secret.upper())
    return f"_{found}" if found[:1].isdigit() else found


def app_name_of(function: str) -> str:
    """Return a name that Azure takes for an app of this function."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", function)
    plain = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9]", "-", spaced.lower())).strip("-")
    plain = plain if re.match(r"[a-z].", plain) else f"app-{plain}".rstrip("-")
    return plain[:32].rstrip("-")
