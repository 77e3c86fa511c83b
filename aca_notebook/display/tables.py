"""A table as a value: text in a terminal, HTML in a notebook, a DataFrame for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.display import theme

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Cell:
    """What one place shows: `html` only where it is more than the text, `tone` a colour of the theme."""

    text: str
    html: str = ""
    tone: str = ""
    right: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headings. `records` holds the bare values behind the rows, for `frame`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    records: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def frame(self) -> Any:
        """The rows as a pandas DataFrame of bare values."""
        import pandas as pd  # 0.3 s: only for those who ask for it

        return pd.DataFrame.from_records(self.records or [self._texts(row) for row in self.rows])

    def _texts(self, row: tuple[Cell, ...]) -> dict[str, str]:
        return {name: cell.text for name, cell in zip(self.columns, row, strict=True)}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.records or tuple(self._texts(row) for row in self.rows))

    def __repr__(self) -> str:
        if not self.rows:
            return f"{self.title}\n  {self.note}".rstrip()
        widths = [
            max(len(name), *(len(row[place].text) for row in self.rows)) for place, name in enumerate(self.columns)
        ]
        rights = [cell.right for cell in self.rows[0]]

        def line(texts: list[str]) -> str:
            padded = (
                value.rjust(width) if right else value.ljust(width)
                for value, width, right in zip(texts, widths, rights, strict=True)
            )
            return ("  " + "  ".join(padded)).rstrip()

        body = [line([cell.text for cell in row]) for row in self.rows]
        return "\n".join([self.title, line(list(self.columns)), *body, *([f"  {self.note}"] if self.note else [])])

    def _repr_html_(self) -> str:
        if not self.rows:
            return theme.card(self.title, theme.faint(self.note))
        return theme.card(self.title, self.table_html, theme.faint(self.note) if self.note else "")

    @property
    def table_html(self) -> str:
        """The rows alone, for a card that has a title of its own; there must be some."""
        sides = ["right" if cell.right else "left" for cell in self.rows[0]]
        head = "".join(
            f'<th style="{_place(side)};font-weight:600;border-bottom:1px solid {theme.LINE}">{theme.text(name)}</th>'
            for name, side in zip(self.columns, sides, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="{_place(side)}">{cell.html or theme.coloured(cell.text, cell.tone)}</td>'
                for cell, side in zip(row, sides, strict=True)
            )
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div style="overflow-x:auto"><table style="{theme.TABLE}">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _place(side: str) -> str:
    return f"text-align:{side};padding:.15em 1em .15em 0;white-space:nowrap"
