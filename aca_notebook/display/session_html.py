"""HTML of a session, which nobody vouches for: tables and plain markup are written anew, all else gets a sandbox.

A notebook trusts the outputs of cells it has just run, scripts included. So nothing a session calls HTML goes into the
page as it came: either every tag, attribute and letter of it is one we know, and it is written anew, or it goes into an
`<iframe sandbox>` whose origin is nobody's (no `allow-same-origin`) and whose policy lets it load nothing. A page with
scripts can still send itself elsewhere, and what it knows with it. So scripts run only for a session that reaches the
network anyway: otherwise a browser would be the way out of a sandbox that has none.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from aca_notebook.display import theme

#: Markup with no behaviour. Everything else (style sheets but for the table's own, scripts, forms, frames) is rich.
_PLAIN = frozenset({
    "table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "colgroup", "col", "div", "span", "p", "br", "hr",
    "b", "i", "u", "em", "strong", "small", "sub", "sup", "code", "pre", "samp", "kbd", "ul", "ol", "li", "dl", "dt",
    "dd", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "details", "summary", "a",
})  # fmt: skip
_EMPTY = frozenset({"br", "hr", "col"})
_NUMBERS = frozenset({"colspan", "rowspan", "border"})
_STYLE = re.compile(
    r"(?:\s*(?:color|background-color|font-weight|font-style|text-align|text-decoration|vertical-align|white-space"
    r"|padding(?:-\w+)?|margin(?:-\w+)?|width|min-width|max-width|font-size)"
    r"\s*:\s*[#\w\s.,%()-]{1,80};?)*\s*"
)
_CLASSES = re.compile(r"[\w\s-]{1,200}")
#: What pandas puts before each table; its rules are those of notebook pages anyway.
_PANDAS_STYLE = re.compile(
    r"\s*<style scoped>\s*\.dataframe tbody tr th:only-of-type \{[^<{}]*\}\s*"
    r"\.dataframe tbody tr th \{[^<{}]*\}\s*\.dataframe thead (?:tr )?th \{[^<{}]*\}\s*"
    r"(?:\.dataframe thead tr:last-of-type th \{[^<{}]*\}\s*)?</style>"
)
_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "font-src data:; form-action 'none'; base-uri 'none'"
)
#: Longest piece of HTML that is shown.
LARGEST_BYTES = 8 * 2**20


def shown(html: str, *, scripts: bool = False) -> str:
    """Return HTML that may stand in a trusted output; `scripts` lets those in a sandbox run."""
    return written_anew(html) or sandboxed(html, scripts=scripts)


def written_anew(html: str) -> str:
    """Return plain markup written anew, or an empty value when there is anything in it that is not plain."""
    if len(html) > LARGEST_BYTES:
        return ""
    writer = _Writer()
    try:
        writer.feed(_PANDAS_STYLE.sub("", html, count=1))
        writer.close()
    except _NotPlain:
        return ""
    return writer.written()


def sandboxed(html: str, *, scripts: bool = False) -> str:
    """Return a frame that shows a page of nobody's origin; its scripts, if they run, reach and load nothing."""
    page = (
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="referrer" content="no-referrer"><style>body{{margin:4px;font-family:system-ui,sans-serif;'
        f"background:#fff;color:#111}}</style>{html}"
    )
    words = "its scripts cannot reach this notebook" if scripts else "its scripts do not run"
    said = theme.faint(f"HTML of the session, in a sandbox: {words}")
    sandbox, height = "allow-scripts" if scripts else "", _height(html, scripts=scripts)
    return (
        f'<iframe sandbox="{sandbox}" srcdoc="{escape(page, quote=True)}" referrerpolicy="no-referrer" '
        f'title="output of a session" style="width:100%;height:{height}px;border:0;background:#fff;'
        f'resize:vertical;overflow:auto"></iframe><div style="font-size:85%">{said}</div>'
    )


def picture(mime: str, base64_text: str) -> str:
    """Return a drawing as an image element, in which no script of it runs."""
    return f'<img src="data:{mime};base64,{base64_text}" alt="drawing of a session" style="max-width:100%">'


def _height(html: str, *, scripts: bool) -> int:
    """Guess: a frame of no origin cannot be measured from outside; it can be pulled taller."""
    folded = html.lower()
    lines = sum(folded.count(tag) for tag in ("<tr", "<p", "<li", "<br", "<h", "<div"))
    drawn = "<svg" in folded or "<canvas" in folded or (scripts and "<script" in folded)
    return min(max(420 if drawn else 60, 28 * lines + 40), 640)


class _NotPlain(Exception):
    """Something that is not plain markup."""


class _Writer(HTMLParser):
    """Writes what it reads with its own hands; raises `_NotPlain` for what it does not know."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _PLAIN:
            raise _NotPlain(tag)
        written = "".join(_attribute(tag, name, value or "") for name, value in attrs)
        self._parts.append(f"<{tag}{written}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:  # what stands open inside it ends with it
            while (last := self._open.pop()) != tag:
                self._parts.append(f"</{last}>")
            self._parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._parts.append(escape(data))

    def handle_comment(self, data: str) -> None:
        """Leave comments out."""

    def handle_decl(self, decl: str) -> None:
        raise _NotPlain(decl)

    def handle_pi(self, data: str) -> None:
        raise _NotPlain(data)

    def unknown_decl(self, data: str) -> None:
        raise _NotPlain(data)

    def written(self) -> str:
        """Return all of it, with every element closed."""
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])


def _attribute(tag: str, name: str, value: str) -> str:
    """Return an attribute to write; an empty value for one that is left out; raises for one that does something."""
    if name.startswith("on"):
        raise _NotPlain(name)
    keep = (
        (name in _NUMBERS and value.isdecimal() and len(value) < 5)
        or (name == "class" and value == "dataframe")
        or (name == "style" and _STYLE.fullmatch(value) and "url(" not in value.lower())
        or (tag == "a" and name == "href" and value.lower().startswith(("https://", "http://")))
    )
    if not keep:
        return ""
    door = ' target="_blank" rel="noopener noreferrer"' if name == "href" else ""
    return f' {name}="{escape(value, quote=True)}"{door}'
