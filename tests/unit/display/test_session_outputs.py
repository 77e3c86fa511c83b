from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.display import session_html, session_outputs
from aca_notebook.display.chart import PLOTLY
from aca_notebook.model.session import Output

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()
PIECES = (
    "<table>", "<td>", "</td>", "<b", ">", "<", "</", "script", "<script>", "&lt;", "&#60;", "<svg>", "<!--", "-->",
    " onclick=x", " href='javascript:x'", " style='color:red'", '"', "'", "a", "<a ", "<![CDATA[",
)  # fmt: skip
MARKUP = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def shown(**data: object) -> dict:
    return session_outputs.bundle(
        Output("display", data={name.replace("__", "/"): made for name, made in data.items()})
    )


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@given(MARKUP)
def test_whatever_a_session_calls_html_only_plain_markup_and_the_sandbox_stand_in_the_page(html: str) -> None:
    tags = Tags(session_html.shown(html))
    assert tags.seen <= session_html._PLAIN | {"iframe"}
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert not [value for name, value in tags.attributes if name == "href" and not value.startswith("http")]
    if "iframe" in tags.seen:
        assert ("sandbox", "") in tags.attributes


def test_a_table_of_pandas_is_written_anew_without_its_style_sheet() -> None:
    import pandas as pd

    html = shown(text__html=pd.DataFrame({"a": ["<b>"]})._repr_html_())["text/html"]
    assert "<style" not in html
    assert "iframe" not in html
    assert "<td>&lt;b&gt;</td>" in html


def test_scripts_run_in_a_sandbox_for_sessions_with_a_network_alone() -> None:
    html = Output("display", data={"text/html": "<script>1</script>"})
    assert 'sandbox=""' in session_outputs.bundle(html)["text/html"]
    with_network = session_outputs.bundle(html, network=True)["text/html"]
    assert 'sandbox="allow-scripts"' in with_network
    assert "allow-same-origin" not in with_network


def test_pictures_are_what_they_say() -> None:
    assert shown(image__png=PNG)["image/png"] == PNG
    assert "image/png" not in shown(image__png=base64.b64encode(b"<html>").decode())
    assert "image/png" not in shown(image__png="not base64!")
    assert "image/jpeg" not in shown(image__jpeg=PNG)


@pytest.mark.parametrize(
    "mime",
    ["application/javascript", "text/markdown", "text/latex", "application/vnd.jupyter.widget-view+json", "text/x"],
)
def test_what_a_front_end_would_run_or_cannot_show_is_text(mime: str) -> None:
    made = session_outputs.bundle(Output("display", data={mime: "<img onerror=x>", "text/plain": "IntSlider(value=5)"}))
    assert made == {"text/plain": "IntSlider(value=5)"}


def test_a_figure_keeps_its_data_and_loses_what_would_be_fetched() -> None:
    figure = {
        "data": [{"type": "bar", "y": [1, 2]}, {"type": "image", "source": "data:image/png;base64,AAAA"}],
        "layout": {
            "images": [{"source": "https://evil.test/?secret"}, {"source": "//evil.test/x"}],
            "map": {"style": "https://evil.test/style.json"}, "title": {"text": "https://stays.test"},
        },
        "config": {"plotlyServerURL": "https://evil.test"},
    }  # fmt: skip
    made = session_outputs.bundle(Output("result", data={PLOTLY: figure}))[PLOTLY]
    assert made["data"] == figure["data"]
    assert made["layout"] == {"images": [{}, {}], "map": {}, "title": {"text": "https://stays.test"}}
    assert set(made) == {"data", "layout"}
    assert (
        session_outputs.bundle(Output("result", data={PLOTLY: figure}), network=True)[PLOTLY]["layout"]
        == figure["layout"]
    )


def test_a_bundle_of_any_shape_is_shown() -> None:
    assert shown(text__plain=3)["text/plain"] == "<text/plain>"
    assert shown()["text/plain"] == "<nothing>"
    assert shown(application__json={"a": 1})["text/plain"] == '{\n  "a": 1\n}'
