"""What stands where a form was, or cannot be: what it offers, as lines to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import theme
from aca_notebook.model.deploy_line import DeployChoice, app_name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle

_MOST = 12


def deploy_form(functions: Sequence[str]) -> Bundle:
    """Return the card of the form that deploys: a line for each function; a live form stands for it in a page."""
    lines = [DeployChoice(each, app_name_of(each)).line() for each in functions[:_MOST]]
    title = "Deploy a function of this notebook"
    empty = "no cell has defined a function yet: run one that does, such as def score(x: float) -> float: return 2 * x"
    more = "more flags: %aca deploy --help · every command: %aca help"
    said = lines or [empty]
    text = "\n".join([title, *(f"  {each}" for each in said), f"  {more}"])
    rows = "".join(f"<div>{theme.code(each) if lines else theme.text(each)}</div>" for each in said)
    html = theme.card(title, rows, f"<div>{theme.faint(more)}</div>")
    return {"text/plain": text, "text/html": f"<div data-aca-static>{html}</div>"}
