"""What a cell has shown in its session, as bundles that may stand in a trusted notebook."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from aca_notebook.display import session_html, theme
from aca_notebook.display.chart import PLOTLY
from aca_notebook.display.session_text import plain_text, safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.session import CellError, Output

_PICTURES: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
#: Members of a figure that name something to fetch: pictures, tiles, styles of maps.
_FETCHED = frozenset({"source", "style", "url", "tiles", "sources", "glyphs", "sprite"})
_ADDRESS = re.compile(r"\s*(?:(?!data:)[a-z][a-z0-9+.-]*:)?//|\s*(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SVG = "image/svg+xml"
LARGEST_PICTURE_BYTES = 16 * 2**20


def bundle(output: Output, *, network: bool = False) -> dict[str, Any]:
    """Return what a front end may be given of a display or a result; `network` is whether its session has one.

    Pictures are what they say or left out; HTML is written anew or sandboxed; a drawing in SVG becomes an image, in
    which no script runs; a figure of plotly's is its JSON. Scripts, widgets (their model is in the session), LaTeX and
    Markdown (which may hold HTML) are shown as their text.
    """
    data = output.data
    made: dict[str, Any] = {"text/plain": _text(data)}
    for mime in _PICTURES:
        if picture := _picture(mime, data.get(mime)):
            made[mime] = picture
    if isinstance(figure := data.get(PLOTLY), dict) and isinstance(figure.get("data"), list):
        made[PLOTLY] = _figure(figure, network=network)
    if html := _html(data, scripts=network):
        made["text/html"] = html
    return made


def _text(data: Mapping[str, Any]) -> str:
    for mime in ("text/plain", "text/markdown", "text/latex"):
        if isinstance(said := data.get(mime), str) and said:
            return safe_text(said)
    if "application/json" in data:
        return plain_text(json.dumps(data["application/json"], indent=2, default=str))
    return plain_text(f"<{', '.join(sorted(map(str, data))) or 'nothing'}>")


def _picture(mime: str, told: Any) -> str:
    """Return a picture as canonical base64, if it begins like one of its kind."""
    if not isinstance(told, str) or len(told) > LARGEST_PICTURE_BYTES * 4 // 3:
        return ""
    try:
        content = base64.b64decode(told, validate=False)
    except ValueError:
        return ""
    return base64.b64encode(content).decode() if content.startswith(_PICTURES[mime]) else ""


def _html(data: Mapping[str, Any], *, scripts: bool) -> str:
    if isinstance(html := data.get("text/html"), str) and html and PLOTLY not in data:
        return session_html.shown(html, scripts=scripts)
    if isinstance(drawing := data.get(_SVG), str) and drawing.lstrip().startswith("<"):
        return session_html.picture(_SVG, base64.b64encode(drawing.encode()).decode())
    return ""


def _figure(figure: dict[str, Any], *, network: bool) -> dict[str, Any]:
    """Return a figure; of a session without a network, without what a page would fetch from elsewhere to draw it."""
    kept = {name: figure[name] for name in ("data", "layout", "frames") if isinstance(figure.get(name), dict | list)}
    kept.setdefault("layout", {})
    return kept if network else {name: _unfetched(value) for name, value in kept.items()}


def _unfetched(value: Any) -> Any:
    if isinstance(value, list):
        return [_unfetched(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _unfetched(each) for name, each in value.items() if not (name in _FETCHED and _is_address(each))}


def _is_address(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_address, value))
    return isinstance(value, str) and bool(_ADDRESS.match(value))


def traceback(error: CellError) -> str:
    """Return a traceback to show above the error's own line."""
    return safe_text(error.traceback)


def note(text: str) -> dict[str, str]:
    """Return a remark of ours below what a cell showed."""
    return {"text/plain": text, "text/html": f"<div>{theme.faint(text)}</div>"}
