"""What a call into a session asks for: read and checked, in the words of the service (facts §5.2). Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.sessions.execution import Code
from aca_notebook.emulator.sessions.instances import MOUNT
from aca_notebook.emulator.sessions.pool import Kind, is_identifier
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The longest an execution may take, and what it gets when it says nothing (facts §5.2).
MOST_SECONDS = 220.0
DEFAULT_SECONDS = 60.0
MOST_FILE_BYTES = 128 * 2**20
#: Some of a request is its envelope: boundaries, names, headers of parts.
MOST_UPLOAD_BYTES = MOST_FILE_BYTES + 2**20
#: A line of NDJSON for each thing that happens; Azure's service answers the same request with JSON.
STREAM = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Asked:
    """An execution that was asked for."""

    code: Code
    synchronous: bool
    identifier: str = ""  #: where the body names the session


def invalid(message: str) -> AzureError:
    """Refuse a call that is not as the service wants it."""
    return AzureError(400, "SessionRequestValidationFailed", message)


def parameter(given: Iterable[tuple[str, str]], name: str) -> str:
    """Return a parameter of a query whatever its case, as it was sent; empty when it was not."""
    return next((value for key, value in given if key.lower() == name.lower()), "")


def checked_identifier(text: str) -> str:
    """Return an identifier that can be one."""
    if not text:
        raise invalid("The identifier of the session is required: give the query parameter 'identifier'.")
    if not is_identifier(text):
        raise invalid(
            "The identifier of the session is invalid. It must have 4 to 128 characters: letters, digits and "
            "punctuation, without blanks."
        )
    return text


def read_execution(raw: bytes, kind: Kind, *, old: bool) -> Asked:
    """Read the body of an execution of either generation; names in any case.

    Raises `AzureError` 400.
    """
    body = _object(raw)
    if old:
        inner = body.get("properties")
        if not isinstance(inner, dict):
            raise AzureError(400, "SessionPropertiesMissing", "The session properties are missing in the request.")
        body = _lower(inner)
    elif "properties" in body:
        raise AzureError(
            400, "SessionPropertiesMissing",
            "The properties of an execution stand at the top of the request, not under 'properties'.",
        )  # fmt: skip
    _word(body, "codeinputtype", ("inline", "inlinetext"))
    synchronous = _word(body, "executiontype", ("synchronous", "asynchronous")) != "asynchronous"
    return Asked(_code(body, kind), synchronous, _text(body, "identifier"))


def inner_path(*parts: str, shown: str = MOUNT) -> str:
    """Return a path within a session's folder for one that a caller wrote: relative, or with the folder's own name.

    Raises `AzureError` 400 for one that leads elsewhere.
    """
    found: list[str] = []
    for part in parts:
        path = part.replace("\\", "/") if part.startswith("\\") else part
        for known in (shown, MOUNT):
            if path == known or path.startswith(f"{known}/"):
                path, found = path[len(known) :], []
                break
        found += [each for each in path.split("/") if each not in {"", "."}]
    if ".." in found or any("\0" in each for each in found):
        raise invalid(f"The path leads out of {MOUNT}.")
    if any(len(each.encode("utf-8", "surrogatepass")) > 255 for each in found):
        raise invalid("A name of the path is longer than 255 bytes.")
    return "/".join(found)


def file_asked(rest: str, *, old: bool) -> tuple[str, bool]:
    """Return which file a path below `files/` names, and whether its content is asked for.

    The first generation writes `content/NAME`, the second `NAME/content`.
    """
    head, _, tail = rest.partition("/")
    before, _, last = rest.rpartition("/")
    if head == "content" and tail and (old or last != "content"):
        return tail, True
    if before and last == "content":
        return before, True
    return rest, False


def wants_stream(accept: str) -> bool:
    """Tell whether a caller takes things as they happen."""
    return any(part.partition(";")[0].strip().lower() == STREAM for part in accept.split(","))


def skipped(text: str) -> int:
    """Return how many a list leaves out. Raises `AzureError` 400."""
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 9:
        raise invalid("The parameter 'skip' must be a whole number.")
    return int(text)


def _code(body: Mapping[str, Any], kind: Kind) -> Code:
    seconds = _seconds(body)
    arguments = body.get("execcommandandargs")
    if kind is Kind.SHELL and arguments is not None:
        if not isinstance(arguments, list) or not arguments or not all(isinstance(each, str) for each in arguments):
            raise invalid("'execCommandAndArgs' must be a list of texts, the program first.")
        return Code("", seconds, tuple(arguments))
    name = "shellcommand" if kind is Kind.SHELL and body.get("shellcommand") is not None else "code"
    source = _text(body, name) or _text(body, "pythoncode")
    if not source:
        wanted = "shellCommand" if kind is Kind.SHELL else "code"
        raise invalid(f"The request has no '{wanted}'.")
    return Code(source, seconds)


def _seconds(body: Mapping[str, Any]) -> float:
    """Return how long an execution may take; more than there can be is the most there is (unconfirmed)."""
    given = body.get("timeoutinseconds")
    if given is None:
        return DEFAULT_SECONDS
    try:
        seconds = float(given) if not isinstance(given, bool) else math.nan
    except (TypeError, ValueError):
        seconds = math.nan
    if not seconds > 0:
        raise invalid("'timeoutInSeconds' must be a positive number.")
    return min(seconds, MOST_SECONDS)


def _word(body: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    given = _text(body, name).lower()
    if given and given not in allowed:
        raise invalid(f"'{body[name]}' is not one of {', '.join(allowed)}.")
    return given


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"'{name}' must be a text.")
    return value


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as bad:
        raise invalid("The request is no JSON.") from bad
    if not isinstance(body, dict):
        raise invalid("The request is no JSON object.")
    return _lower(body)


def _lower(body: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in body.items()}
