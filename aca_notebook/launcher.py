"""Starts, joins and stops the local emulator: a process of its own that notebooks share.

It is found by the files it keeps in its data folder and spoken to over HTTPS with its own CA, so that a stranger who
took its port never sees the control token.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import select
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aca_notebook.errors import EmulatorFailed, UsageFailed
from aca_notebook.model.fault import FaultInForce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: A first start makes keys and certificates; later ones take well under a second.
START_SECONDS = 20.0
IDLE_EXIT_SECONDS = 1800
_ANSWER_SECONDS = 5.0
_NO_CERTIFICATE = "CertificateUnreadable"


@dataclass(frozen=True, slots=True)
class EmulatorEndpoint:
    """A running emulator; `restarted` when an earlier one had died without saying goodbye."""

    url: str
    http_url: str
    pid: int
    data_dir: Path
    version: str = ""
    restarted: bool = False
    started: bool = False
    control_token: str = field(default="", repr=False)

    @property
    def ca_bundle(self) -> Path:
        """The certificate authority its certificate hangs on."""
        return self.data_dir / "ca.pem"

    @property
    def notices(self) -> tuple[str, ...]:
        """What it found damaged when it started, and what was lost."""
        return tuple(self.status().get("notices", ()))

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return self._control("GET", "/_emulator/status")

    def environment(self) -> dict[str, str]:
        """What any other client needs to reach it: names as the Azure SDKs and `az` read them."""
        return self._control("GET", "/_emulator/env")

    def register_interpreter(self, path: str) -> None:
        """Let it run bundles with this interpreter; it makes the environment of a cell without packages meanwhile."""
        requirements = Path(__file__).with_name("runner") / "requirements.txt"
        body = {"path": path, "requirements": requirements.read_text(encoding="utf-8")}
        self._control("POST", "/_emulator/interpreters", body)

    def images(self) -> dict[str, Any]:
        """The images it can run."""
        return self._control("GET", "/_emulator/images")

    def add_image(self, image: str, command: Sequence[str], folder: str = "") -> None:
        """Let `image` stand for a command of this machine."""
        body = {"image": image, "command": list(command), **({"folder": folder} if folder else {})}
        self._control("PUT", "/_emulator/images", body)

    def principals(self) -> list[dict[str, str]]:
        """The service principals it knows, its own first, as `az ad sp create-for-rbac` would print them."""
        found: list[dict[str, str]] = self._control("GET", "/_emulator/principals")["value"]
        return found

    def add_principal(self, name: str) -> dict[str, str]:
        """Make a service principal without any role; the answer has its secret, which is told this once."""
        return self._control("POST", "/_emulator/principals", {"name": name})

    def approve_device_code(self, code: str) -> None:
        """Sign the person in who has a code on the screen."""
        self._control("POST", "/_emulator/device-codes", {"userCode": code})

    def remove_principal(self, client_id: str) -> None:
        """Forget a service principal."""
        self._control("DELETE", f"/_emulator/principals/{quote(client_id, safe='')}")

    def faults(self) -> tuple[FaultInForce, ...]:
        """The faults in force."""
        return tuple(_fault(each) for each in self._control("GET", "/_emulator/faults")["value"])

    def add_fault(self, fault: str) -> FaultInForce:
        """Put a fault in force."""
        return _fault(self._told("POST", "/_emulator/faults", {"fault": fault}))

    def clear_faults(self, id_: str = "") -> int:
        """End one fault, or all; returns how many there were."""
        path = f"/_emulator/faults/{quote(id_, safe='')}" if id_ else "/_emulator/faults"
        return int(self._told("DELETE", path)["cleared"])

    def pace(self) -> float:
        """How fast it is, as a factor of Azure's own times."""
        return float(self._control("GET", "/_emulator/pace")["pace"])

    def set_pace(self, pace: str) -> float:
        """Make it `instant`, `realistic` or a factor, from now on and after a restart."""
        return float(self._told("PUT", "/_emulator/pace", {"pace": pace})["pace"])

    def stop(self) -> None:
        """Ask it to stop everything and exit."""
        self._control("POST", "/_emulator/stop")

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.ca_bundle))
        except OSError as unreadable:  # an SSLError is one, too
            raise EmulatorFailed(
                "the local emulator's certificate cannot be read, so it cannot be trusted", code=_NO_CERTIFICATE,
                detail=f"{self.ca_bundle}: {unreadable.strerror or unreadable}",
                hint=f"end process {self.pid}, then run `%aca target local`: the next emulator makes another",
            ) from unreadable  # fmt: skip

    def _told(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Tell it what a person wants of it. Raises `UsageFailed` in its words for what makes no sense to it."""
        try:
            return self._control(method, path, body)
        except EmulatorFailed as refused:
            if refused.code not in {"InvalidFault", "TooManyFaults", "FaultNotFound", "InvalidPace"}:
                raise
            about_pace = refused.code == "InvalidPace"
            hint = "aca-notebook emulator pace realistic" if about_pace else "`%aca fault list` shows what is in force"
            raise UsageFailed(refused.detail.rstrip("."), code=refused.code, hint=hint) from refused

    def _control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        trust = self._trust()
        address = urlsplit(self.url)
        connection = http.client.HTTPSConnection(
            address.hostname or "127.0.0.1", address.port, timeout=_ANSWER_SECONDS, context=trust
        )
        headers = {"Authorization": f"Bearer {self.control_token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as gone:
            raise EmulatorFailed(
                "the local emulator does not answer", code=type(gone).__name__, detail=str(gone),
                hint="run `%aca target local` to start it again",
            ) from gone  # fmt: skip
        finally:
            connection.close()
        if response.status >= 300:
            raise _refused(method, path, response.status, content)
        answer: dict[str, Any] = json.loads(content) if content.strip() else {}
        return answer


def _fault(told: Mapping[str, Any]) -> FaultInForce:
    return FaultInForce(str(told["id"]), str(told["fault"]), int(told["struck"]))


def _refused(method: str, path: str, status: int, content: bytes) -> EmulatorFailed:
    """What the emulator said, or of an answer that is not its own the beginning."""
    try:
        error = json.loads(content)["error"]
        code, said = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, said = f"HTTP {status}", content.decode(errors="replace")[:300]
    return EmulatorFailed(
        f"the local emulator refused {method} {path}", code=code, detail=said,
        hint="run `aca-notebook emulator status`",
    )  # fmt: skip


def data_dir(home: Path) -> Path:
    """Where the emulator of this home keeps its state."""
    return home / "emulator"


def find_emulator(folder: Path) -> EmulatorEndpoint | None:
    """Return the emulator that runs on a data folder, or None.

    Raises `EmulatorFailed` when one runs that cannot be spoken to, for want of its certificate or token.
    """
    endpoint = _recorded(folder)
    if endpoint is None:
        return None
    try:
        endpoint.status()
    except EmulatorFailed as failed:
        if failed.code == _NO_CERTIFICATE and _holds_lock(folder):
            raise
        return None
    return endpoint


def ensure_emulator(folder: Path, *, interpreter: str = sys.executable) -> EmulatorEndpoint:
    """Join the emulator of a data folder, or start one that outlives us; it learns our interpreter either way.

    Raises `EmulatorFailed` with the end of its log when it does not become ready.
    """
    endpoint = find_emulator(folder)
    if endpoint is None:
        with _one_at_a_time(folder):
            died = (folder / "emulator.json").exists()
            endpoint = find_emulator(folder) or _start(folder, restarted=died)
    endpoint.register_interpreter(interpreter)
    return endpoint


def stop_emulator(folder: Path, *, patience_seconds: float = 30.0) -> bool:
    """Stop the emulator of a data folder and wait until it is gone; returns whether one ran.

    Raises `EmulatorFailed` when it does not end.
    """
    endpoint = find_emulator(folder)
    if endpoint is None:
        return False
    endpoint.stop()
    waited = 0.0
    while _holds_lock(folder) and waited < patience_seconds:
        threading.Event().wait(0.02)
        waited += 0.02
    if _holds_lock(folder):
        raise EmulatorFailed(
            "the local emulator does not end", code="EmulatorNotStopped", detail=f"process {endpoint.pid} has {folder}",
            hint=f"wait, or end process {endpoint.pid}",
        )  # fmt: skip
    return True


def command(folder: Path, *arguments: str) -> list[str]:
    """The command line of an emulator on a data folder."""
    return [sys.executable, "-m", "aca_notebook.emulator", "--data-dir", str(folder), *arguments]


def _recorded(folder: Path) -> EmulatorEndpoint | None:
    """Return what an emulator wrote down; None when there is nothing, or nothing an emulator writes."""
    try:
        record = json.loads((folder / "emulator.json").read_text())
        token = (folder / "control-token").read_text().strip()
        _ = urlsplit(record["url"]).port, urlsplit(record["http_url"]).port  # raises what is caught below
        return EmulatorEndpoint(
            url=record["url"], http_url=record["http_url"], pid=int(record["pid"]), data_dir=folder,
            version=str(record.get("version", "")), control_token=token,
        )  # fmt: skip
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None
    except OSError as unreadable:
        raise _unusable(folder, unreadable) from unreadable


def _start(folder: Path, *, restarted: bool) -> EmulatorEndpoint:
    log_path = folder / "emulator.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own module under our own interpreter
            command(folder, "--idle-exit", str(IDLE_EXIT_SECONDS)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a kernel's interrupt must not reach it
            cwd=folder,
        )
    # It may outlive us; if it ends first, someone has to collect it.
    threading.Thread(target=process.wait, name="aca-emulator-reaper", daemon=True).start()
    ready = _first_line(process)
    endpoint = _recorded(folder) if ready else find_emulator(folder)  # one started by hand may have come first
    if endpoint is None:
        raise EmulatorFailed(
            "the local emulator did not start", code="EmulatorNotReady", detail=_last_line(log_path),
            hint=f"read {log_path}, then run `aca-notebook doctor`",
        )  # fmt: skip
    return replace(endpoint, restarted=restarted, started=bool(ready))


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """The ready line, or nothing when it ends or takes too long."""
    assert process.stdout is not None  # noqa: S101  # opened as a pipe above; for the type checker
    with process.stdout as stream:
        readable, _, _ = select.select([stream], [], [], START_SECONDS)
        return stream.readline() if readable else b""


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote nothing"


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Two notebooks that start at once start one emulator."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        gate = (folder / "launch.lock").open("w")
    except OSError as refused:
        raise _unusable(folder, refused) from refused
    with gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def _unusable(folder: Path, why: OSError) -> EmulatorFailed:
    return EmulatorFailed(
        f"the emulator cannot keep its state in {folder}", code=type(why).__name__,
        detail=f"{why.filename or folder}: {why.strerror or why}",
        hint="make it a folder that you may write, or set ACA_NOTEBOOK_HOME to another",
    )  # fmt: skip


def _holds_lock(folder: Path) -> bool:
    """Whether some process holds the data folder."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
