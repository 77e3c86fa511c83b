"""What a page is sent of a log: all lines once, in batches, slowly enough for the server in between."""

from __future__ import annotations

import base64
import json
import random
import zlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.log_buffer import LogBuffer
from aca_notebook.model.log import LogLine, LogSource
from aca_notebook.widgets.log_feed import PERIOD_SECONDS, LogFeed, packed_line

AT = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Page:
    """Takes messages, and lets timers go off in the order they were set."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.lines: list[list] = []
        self.sizes: list[int] = []
        self.due: list = []
        self.waits: list[float] = []

    def send(self, content, buffers) -> None:
        self.messages.append(content)
        for body in buffers:
            self.sizes.append(len(body))
            self.lines += json.loads(zlib.decompress(body))

    def later(self, seconds, act) -> None:
        self.waits.append(seconds)
        self.due.append(act)

    def wait(self) -> None:
        while self.due:
            self.due.pop(0)()


class Log(LogBuffer):
    running = property(lambda self: not self.ended)


def open_feed(log: Log) -> tuple[LogFeed, Page]:
    page = Page()
    return LogFeed("scorer", log, page.send, page.later), page


def test_nothing_is_sent_before_a_page_is_there() -> None:
    log = Log()
    feed, page = open_feed(log)
    log.extend([LogLine("one")])
    feed.changed()
    page.wait()
    assert page.messages == []


def test_a_page_gets_what_there_was_what_comes_and_the_end() -> None:
    log = Log()
    feed, page = open_feed(log)
    log.extend([LogLine("one")])
    feed.begin()
    page.wait()
    log.extend([LogLine("two")])
    feed.changed()
    page.wait()
    log.end(RuntimeError("the app is gone"))
    feed.changed()
    page.wait()
    assert [message["kind"] for message in page.messages] == ["begin", "lines", "lines", "end"]
    assert [line[3] for line in page.lines] == ["one", "two"]
    assert page.messages[-1]["failure"] == "the app is gone"


def test_a_page_that_is_loaded_anew_gets_everything_again_and_the_end_too() -> None:
    log = Log()
    feed, page = open_feed(log)
    for number in range(3):
        log.extend([LogLine(str(number))])
    log.end()
    for _ in range(2):
        feed.begin()
        page.wait()
    assert [message["kind"] for message in page.messages] == ["begin", "lines", "end"] * 2
    assert [line[3] for line in page.lines] == ["0", "1", "2"] * 2


def test_lines_that_come_fast_are_sent_at_most_four_times_a_second() -> None:
    log = Log()
    feed, page = open_feed(log)
    feed.begin()
    for number in range(1000):
        log.extend([LogLine(str(number))])
        feed.changed()
    assert len(page.due) == 1
    page.wait()
    assert min(page.waits) == PERIOD_SECONDS == 0.25
    assert len(page.sizes) == 1


def test_what_cannot_be_compressed_is_paced_below_the_servers_limit() -> None:
    """Jupyter's server drops what comes above 1 MB/s over three seconds."""
    noise = random.Random(1)
    log = Log()
    for _ in range(3000):
        log.extend([LogLine(base64.b85encode(noise.randbytes(1000)).decode())])
    feed, page = open_feed(log)
    feed.begin()
    page.wait()
    sent = sum(page.sizes)
    assert len(page.lines) == 3000
    assert sent > 2_000_000
    assert sent / sum(page.waits) < 700_000
    assert max(page.sizes) < 1_000_000


def test_a_page_that_confirms_nothing_gets_a_minute_of_messages_and_goes_on_when_it_does() -> None:
    log = Log()
    feed, page = open_feed(log)
    feed.begin()
    for number in range(300):
        log.extend([LogLine(str(number))])
        feed.changed()
        page.wait()
    assert len(page.sizes) == 240
    feed.confirm()
    page.wait()
    assert [line[3] for line in page.lines] == [str(number) for number in range(300)]
    assert len(page.sizes) == 241


def test_a_page_whose_view_is_gone_is_sent_nothing_until_it_has_one_again() -> None:
    log = Log()
    feed, page = open_feed(log)
    feed.begin()
    feed.pause()
    log.extend([LogLine("one")])
    feed.changed()
    page.wait()
    assert page.lines == []
    feed.begin()
    page.wait()
    assert [line[3] for line in page.lines] == ["one"]


def test_lines_that_were_forgotten_before_they_could_be_sent_are_counted() -> None:
    log = Log(most_lines=10)
    feed, page = open_feed(log)
    feed.begin()
    for number in range(25):
        log.extend([LogLine(str(number))])
    feed.changed()
    page.wait()
    assert [line[3] for line in page.lines] == [str(number) for number in range(15, 25)]
    assert [message["missed"] for message in page.messages if message["kind"] == "lines"] == [15]


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 20))
def test_a_page_has_each_line_once_or_it_is_counted_as_missed(bursts, most) -> None:
    log = Log(most_lines=most)
    feed, page = open_feed(log)
    feed.begin()
    written = 0
    for burst in bursts:
        for _ in range(burst):
            log.extend([LogLine(str(written))])
            written += 1
            feed.changed()
        page.wait()
    texts = [int(line[3]) for line in page.lines]
    assert texts == sorted(set(texts))
    assert len(texts) + sum(message.get("missed", 0) for message in page.messages) == written


def test_a_line_is_packed_with_its_moment_level_replica_and_text() -> None:
    assert packed_line(LogLine("ERROR no", AT, replica="r1")) == [1777636800123456, 4, "r1", "ERROR no"]
    event = LogLine("Started", AT, source=LogSource.SYSTEM, level="Warning", reason="ContainerStarted")
    assert packed_line(event)[1:] == [3, "", "[ContainerStarted] Started", "Started"]
    assert packed_line(LogLine("no moment"))[0] is None


def test_a_line_of_the_runners_own_is_sent_as_a_sentence_with_its_json_beside() -> None:
    own = '{"event":"ready","port":8000}'
    assert packed_line(LogLine(own))[3:] == ["ready on port 8000", own]
