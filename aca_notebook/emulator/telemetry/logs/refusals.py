"""How Log Analytics refuses a query: a code inside a code, with the place and the word (facts §8.2)."""

from __future__ import annotations

from typing import Any

from aca_notebook.emulator.wire import AzureError

_OUTER = "The request had some invalid properties"


class QueryRefused(AzureError):
    """400 `BadArgumentError`; `inner` is Kusto's own code, `SYN0002` for syntax or `SEM0100` for a name."""

    def __init__(self, kind: str, inner: str, message: str, *, line: int, column: int, token: str = "") -> None:
        super().__init__(400, "BadArgumentError", _OUTER)
        self.kind = kind
        self.inner = inner
        self.sentence = message
        self.line = line
        self.column = column
        self.token = token

    def body(self) -> dict[str, Any]:
        """The nested envelope."""
        place = {"line": self.line, "pos": self.column, "token": self.token}
        deepest = {"code": self.inner, "message": self.sentence} | place
        said = f"{'A syntax' if self.kind == 'SyntaxError' else 'A semantic'} error occurred."
        inner = {"code": self.kind, "message": said, "innererror": deepest}
        return {"error": {"code": self.code, "message": self.message, "innererror": inner}}


def syntax_error(message: str, *, line: int, column: int, token: str = "") -> QueryRefused:
    """What does not parse."""
    return QueryRefused("SyntaxError", "SYN0002", message, line=line, column=column, token=token)


def unresolved(
    name: str, *, line: int, column: int, what: str = "table or column or scalar expression"
) -> QueryRefused:
    """A table or a column that is not there."""
    said = f"Failed to resolve {what} named '{name}'"
    return QueryRefused("SemanticError", "SEM0100", said, line=line, column=column, token=name)


def unsupported(construct: str, *, line: int, column: int, hint: str = "") -> QueryRefused:
    """What Kusto knows and this emulator does not."""
    said = f"'{construct}' at line {line}, position {column} is not supported by the emulator"
    return QueryRefused(
        "SemanticError", "SEM0001", f"{said}: {hint}" if hint else f"{said}.", line=line, column=column, token=construct
    )
