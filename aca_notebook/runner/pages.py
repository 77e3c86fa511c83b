"""HTML the runner answers with: complete in itself, nothing is fetched from elsewhere."""

from __future__ import annotations

import json
import typing
from html import escape
from typing import TYPE_CHECKING, Any

from aca_notebook.runner.signature import is_array_hint, spell, wanted_frame

if TYPE_CHECKING:
    from aca_notebook.runner.failures import Refused
    from aca_notebook.runner.services import Service, Services

_EXAMPLES: dict[Any, Any] = {float: 9.0, int: 9, str: "text", bool: True, list: [1.0, 2.0], dict: {}}

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8884; padding: 1rem 0; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; } code, textarea, pre { font: .9rem/1.45 ui-monospace, monospace; }
textarea { width: 100%; box-sizing: border-box; } pre { overflow-x: auto; background: #8881; padding: .75rem; }
pre:empty { display: none; } .doc { white-space: pre-wrap; } .error { color: #c2410c; }
"""

SCRIPT = """
for (const form of document.querySelectorAll("form")) form.addEventListener("submit", async event => {
  event.preventDefault();
  const output = form.querySelector("pre");
  output.textContent = "…";
  output.className = "";
  try {
    const started = performance.now();
    const here = form.dataset.path.slice(1);  // seen from this page: it may stand behind a proxy that adds to its path
    const answer = await fetch(here, {
      method: "POST", headers: {"content-type": "application/json"}, body: form.querySelector("textarea").value});
    const text = await answer.text();
    output.className = answer.ok ? "" : "error";
    output.textContent = `${answer.status} in ${Math.round(performance.now() - started)} ms\\n${text}`;
  } catch (error) { output.className = "error"; output.textContent = String(error); }
});
"""


def docs(services: Services, title: str) -> str:
    """Return a page that lists every function and lets a reader try it."""
    sections = "".join(_section(service, is_entry=path == services.entry) for path, service in services.by_path.items())
    return _page(
        title,
        f"<h1>{escape(title)}</h1>"
        "<p>Each function is called with <code>POST</code> and a JSON object of its parameters. "
        f'<a href="openapi.json">OpenAPI description</a></p>{sections}<script>{SCRIPT}</script>',
    )


def error(refused: Refused) -> str:
    """Return an error as a page, for a browser."""
    hint = f"<p><code>{escape(refused.hint)}</code></p>" if refused.hint else ""
    return _page(refused.code, f"<h1>{refused.status} {escape(refused.code)}</h1><p>{escape(str(refused))}</p>{hint}")


def _section(service: Service, *, is_entry: bool) -> str:
    returns = spell(service.signature.returns)
    also = " <small>also at <code>/</code></small>" if is_entry else ""
    taken = service.signature.parameters
    example = json.dumps({name: example_of(taken[name]) for name in service.signature.required}, indent=2)
    path = escape(f"/{service.path}", quote=True)
    return (
        f"<section><h2><code>{path}({escape(service.signature.spelled())}) → {escape(returns)}</code>{also}</h2>"
        f'<p class="doc">{escape(service.doc)}</p>'
        f'<form data-path="{path}"><textarea rows="4" aria-label="Parameters of {path} as JSON">{escape(example)}'
        f"</textarea><button>Call</button><pre></pre></form></section>"
    )


def example_of(hint: Any) -> Any:
    """Return a JSON value that an annotation takes; null where we know none."""
    if isinstance(hint, type) and hint in _EXAMPLES:
        return _EXAMPLES[hint]
    if is_array_hint(hint):
        return [1.0, 2.0]
    if wanted_frame(hint):
        return [{"column": 1.0}]
    inner = typing.get_args(hint)
    return [example_of(inner[0])] if typing.get_origin(hint) is list and inner else None


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{body}</body></html>'
    )
