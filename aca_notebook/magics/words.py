"""A magic's line before its grammar: comments, quotes, the notebook's variables, and what should not be there."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(r"\$(?P<dollar>[A-Za-z_][\w.]*)|\{(?P<brace>[A-Za-z_][\w.]*)\}")

#: How secrets of well-known issuers begin or look. A hit refuses the line, so each pattern is narrow.
_SECRET_SHAPES = (
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:ghp|gho|ghs|ghu|hf|glpat|xox[abpr]|github_pat)[_-][A-Za-z0-9_-]{16,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\."),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"\b(?:AccountKey|SharedAccessKey|sig)=[A-Za-z0-9+/%]{20,}", re.IGNORECASE),
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PWD|CREDENTIALS?|CONNECTION_STRING)$", re.IGNORECASE
)
#: A secret's name, as it would be chosen: long random ones are values.
_REFERENCE = re.compile(r"[a-z0-9][-.a-z0-9]{0,30}[a-z0-9]?")


#: What follows these is something and the name of a secret.
_REFERRING = {"--secret", "--scale-rule-auth"}
#: Instead of doing what a line says, show what it would ask of the platform.
SHOWS = ("--show-az", "--show-rest")
#: Commands whose calls are not Resource Manager's, or not of the target: they would be done, not shown.
NOT_SHOWN = frozenset(
    {
        "target", "login", "setup", "whoami", "session", "invoke", "curl", "open", "logs", "export", "fault", "prices",
        "limits",
    }
)  # fmt: skip


def drop_comment(line: str) -> str:
    """Return the line without a trailing `# comment`; a `#` in quotes or inside a word is no comment."""
    quote = ""
    for position, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (position == 0 or line[position - 1].isspace()):
            return line[:position].rstrip()
    return line.rstrip()


def split(line: str) -> list[str]:
    """Return the words of a line as a shell would, comment dropped.

    Raises `UsageFailed` when a quote is left open.
    """
    try:
        return shlex.split(drop_comment(line))
    except ValueError as unbalanced:
        raise UsageFailed(
            "a quote is opened on this line and never closed",
            code="UsageError",
            hint="close it, or put a backslash before a quote that is meant literally",
        ) from unbalanced


def expand(words: Sequence[str], namespace: Mapping[str, object]) -> list[str]:
    """Replace `$name`, `{name}` and `{name.attribute}` by the notebook's values; unknown names stay as written.

    IPython's own expansion evaluates any expression in braces, which would mangle JSON such as `{"x": 9}`; a value
    that holds spaces stays one word here.
    """
    return [_VARIABLE.sub(lambda found: _value(found, namespace), word) for word in words]


def _value(found: re.Match[str], namespace: Mapping[str, object]) -> str:
    name, *attributes = (found["dollar"] or found["brace"]).split(".")
    if name not in namespace:
        return found[0]
    value = namespace[name]
    for attribute in attributes:
        if not hasattr(value, attribute):
            return found[0]
        value = getattr(value, attribute)
    return str(value)


def take_form(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return what is asked for instead of doing it (`az`, `rest` or nothing), and the words without that.

    They may stand anywhere in a line; after `--` they are words like others.
    """
    end = words.index("--") if "--" in words else len(words)
    found = [word for word in words[:end] if word in SHOWS]
    kept = [word for index, word in enumerate(words) if index >= end or word not in SHOWS]
    return (found[-1].removeprefix("--show-") if found else "", kept)


def can_be_shown(command: str) -> bool:
    """Tell whether a command, by its full name, can be shown without doing it."""
    return command.split(maxsplit=1)[0] not in NOT_SHOWN


def refuse_secrets(words: Sequence[str]) -> None:
    """Raise `UsageFailed` if a word looks like a secret; the message never repeats the value.

    What follows `--secret` and `--scale-rule-auth` ends with a secret's name, as in `HF_TOKEN=hf-token`.
    """
    flag = ""
    for word in words:
        flag = word if word.startswith("--") and "=" not in word else flag
        name, equals, value = word.rpartition("=")
        refers = flag in _REFERRING and _REFERENCE.fullmatch(value)
        refers = refers or (value.startswith("secretref:") and _REFERENCE.fullmatch(value.removeprefix("secretref:")))
        named = bool(equals and not refers and len(value) >= 8 and _SECRET_NAME.search(name.replace("-", "_")))
        if named or any(shape.search(word) for shape in _SECRET_SHAPES):
            what = f"the value of {name.lstrip('-')!r}" if named else "a value on this line"
            raise UsageFailed(
                f"{what} looks like a secret, and a magic's line is saved with the notebook",
                code="SecretOnLine",
                hint="take it off the line: `%aca secret set NAME` asks for it, --secret VARIABLE=NAME passes it",
            )
