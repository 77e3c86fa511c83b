"""The near side of a terminal, with nobody or this very test on the far one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import sys
import termios
import tty

import pytest

from aca_notebook.emulator.runtime.terminal import TYPED_AHEAD_BYTES, NothingRead, Terminal
from tests.fakes.clock import ManualClock, settled

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="has no terminals")]


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="pair")
async def _pair(clock):
    terminal = Terminal(clock)
    far = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(far)
    terminal.hand_over()
    try:
        yield terminal, far
    finally:
        terminal.close()
        os.close(far)


async def test_what_either_side_writes_the_other_reads(pair) -> None:
    terminal, far = pair
    await terminal.write(b"typed")
    assert os.read(far, 100) == b"typed"
    reading = asyncio.ensure_future(terminal.read())
    await settled()
    assert not reading.done()
    os.write(far, b"shown")
    assert await reading == b"shown"


async def test_reading_ends_when_nobody_is_left_on_the_far_side(clock) -> None:
    terminal = Terminal(clock)
    far = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    terminal.hand_over()
    os.write(far, b"last")
    reading = [await terminal.read()]
    os.close(far)
    reading.append(await terminal.read())
    terminal.close()
    assert (reading, await terminal.read()) == ([b"last", b""], b"")


async def test_the_size_is_what_was_said_and_no_more_than_a_terminal_has(pair) -> None:
    terminal, far = pair
    terminal.resize(1_000_000, 3)
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(far, termios.TIOCGWINSZ, b"\0" * 8))
    assert (rows, columns) == (3, 65535)


async def test_typing_waits_when_too_much_of_it_waits(pair) -> None:
    terminal, far = pair
    await terminal.write(b"x" * TYPED_AHEAD_BYTES)
    typing = asyncio.ensure_future(terminal.write(b"y" * TYPED_AHEAD_BYTES))
    await settled()
    assert not typing.done()
    os.set_blocking(far, False)
    taken = 0
    while not typing.done():
        try:
            taken += len(os.read(far, 65536))
        except BlockingIOError:
            await asyncio.sleep(0)
    await typing
    assert taken > TYPED_AHEAD_BYTES / 2


async def test_typing_gives_up_on_a_program_that_never_reads(pair, clock) -> None:
    terminal, _ = pair
    typing = asyncio.ensure_future(terminal.write(b"x" * (2 * TYPED_AHEAD_BYTES)))
    await settled()
    await clock.advance(seconds=59)
    assert not typing.done()
    await clock.advance(seconds=1)
    with pytest.raises(NothingRead):
        await typing


async def test_closing_ends_who_reads_and_who_types(pair) -> None:
    terminal, _ = pair
    reading = asyncio.ensure_future(terminal.read())
    typing = asyncio.ensure_future(terminal.write(b"x" * (2 * TYPED_AHEAD_BYTES)))
    await settled()
    terminal.close()
    assert await reading == b""
    await typing
    terminal.close()
