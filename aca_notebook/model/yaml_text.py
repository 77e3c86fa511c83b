"""A JSON document as YAML that people read. Pure; every reader of YAML takes it."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@=+-]*")
#: What JSON writes as it is and YAML takes for a break of lines, or not at all (YAML 1.2, 5.1 and 5.4).
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"}


def yaml_text(document: Any) -> str:
    """Return the document as YAML; strings are quoted as in JSON wherever YAML could take them for something else."""
    return "\n".join(_lines(document)) + "\n"


def _lines(part: Any) -> list[str]:
    if isinstance(part, dict) and part:
        return [line for name, value in part.items() for line in _entry(f"{_scalar(str(name))}:", value)]
    if isinstance(part, list) and part:
        return [line for value in part for line in _item(value)]
    return [_scalar(part)]


def _entry(name: str, value: Any) -> list[str]:
    if isinstance(value, dict | list) and value:
        return [name, *(f"  {line}" for line in _lines(value))]
    return [f"{name} {_scalar(value)}"]


def _item(value: Any) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
