"""Colours and small pieces of HTML that read well on light and dark, in JupyterLab and outside, styled or not.

Text inherits its colour from the page, tints are translucent, and each tone has a contrast of at least 4:1 with white
and with JupyterLab's dark grey, so one colour serves both themes. No variables and no `<style>`: an untrusted notebook
loses them (JupyterLab's sanitizer keeps plain colours), and the words and marks alone still say everything.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

#: Told apart by people with any colour vision, and at least 3:1 against white and against JupyterLab's dark grey.
SERIES: Final = ("#2f80c8", "#d9822b", "#2c9c75", "#b9569a", "#8270cf", "#a08434", "#5f8f3f", "#c25b56")

#: Tones of text and marks.
GOOD: Final = "#22874b"
BAD: Final = "#d1453b"
BUSY: Final = "#2c7bc2"
WARN: Final = "#a8690f"
FAINT: Final = "#727981"
LINE: Final = "rgba(128,128,128,.35)"
TINT: Final = "rgba(128,128,128,.10)"
FONT: Final = "var(--jp-ui-font-family, system-ui, sans-serif)"
#: A table in an old page inherits nothing by itself.
TABLE: Final = "border-collapse:collapse;margin:.4em 0 0;color:inherit;font-size:inherit"
#: Notebook pages stripe the rows of every table; a card is no data.
ROW: Final = '<tr style="background:none">'
MONO: Final = "var(--jp-code-font-family, ui-monospace, monospace)"

_TEXT_OR_NOT = re.compile(r"(?P<not><svg\b.*?</svg>|<[^>]*>)|\$", re.DOTALL)


def card(title: str, *parts: str, mark: str = "", tone: str = "", aside: str = "") -> str:
    """Return a bordered block; `title`, `mark` and `aside` are text, `parts` are HTML already."""
    head = (
        f'<div style="display:flex;gap:.6em;align-items:baseline">'
        f"{coloured(mark, tone) + ' ' if mark else ''}<strong>{text(title)}</strong>"
        f'<span style="margin-left:auto;color:{FAINT}">{text(aside)}</span></div>'
    )
    return without_formulas(
        f'<div style="font-family:{FONT};border:1px solid {LINE};border-radius:6px;padding:.6em .9em;'
        f'margin:.2em 0;max-width:56em;line-height:1.5">{head}{"".join(parts)}</div>'
    )


def without_formulas(html: str) -> str:
    """Return HTML whose dollars stay dollars: JupyterLab typesets what stands between two of them as a formula.

    Each gets an element of its own, across which none is looked for. Drawings are left alone: their text takes no HTML.
    """
    return _TEXT_OR_NOT.sub(lambda found: found[0] if found["not"] else "<span>$</span>", html)


def coloured(what: str, tone: str) -> str:
    """Return text in a tone of the theme."""
    return f'<span style="color:{tone}">{text(what)}</span>' if tone else text(what)


def faint(what: str) -> str:
    """Return text that stands back."""
    return coloured(what, FAINT)


def code(what: str) -> str:
    """Return text in the code font."""
    return f'<code style="font-family:{MONO}">{text(what)}</code>'


def pre(what: str) -> str:
    """Return a block of preformatted text."""
    return (
        f'<pre style="font-family:{MONO};background:{TINT};border-radius:4px;padding:.5em .7em;margin:.5em 0 0;'
        f'overflow-x:auto;white-space:pre-wrap">{text(what)}</pre>'
    )


def link(url: str, what: str = "") -> str:
    """Return a link; anything but http and https is shown as text."""
    if not url.lower().startswith(("https://", "http://")):
        return text(what or url)
    style = "color:#2c7bc2"
    return f'<a href="{escape(url, quote=True)}" style="{style}" target="_blank" rel="noopener">{text(what or url)}</a>'


def pairs(rows: dict[str, str]) -> str:
    """Return a table of names and values; values are HTML already, empty ones are left out."""
    style = f"text-align:left;padding:.05em 1.2em .05em 0;color:{FAINT};vertical-align:top"
    body = "".join(
        f'{ROW}<td style="{style}">{text(name)}</td><td style="text-align:left;padding:.05em 0">{value}</td></tr>'
        for name, value in rows.items()
        if value
    )
    return f'<table style="{TABLE}"><tbody>{body}</tbody></table>'


def text(what: object) -> str:
    """Return anything as escaped text: the only way a value gets into HTML."""
    return escape(str(what), quote=True)
