"""How wide a stream is, and whether it shows colour."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from controller.cli.screen import screen_of
from controller.planning.rendering.layout import Screen


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """A terminal of 97 columns, and no variable that tells anything else."""
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 97, 0, 0))
    with os.fdopen(side, "w") as stream:
        yield stream
    os.close(main)


def test_a_terminal_tells_its_width_and_has_colour(terminal: TextIO) -> None:
    assert screen_of(terminal) == Screen(97, color=True)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_user_can_turn_colour_off(terminal: TextIO, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    assert screen_of(terminal) == Screen(97, color=False)


def test_a_terminal_that_does_not_tell_its_size_has_80_columns(terminal: TextIO) -> None:
    fcntl.ioctl(terminal.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))

    assert screen_of(terminal).width == 80


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("0", 97), ("wide", 97), ("-5", 97)])
def test_columns_counts_before_the_terminal(
    terminal: TextIO, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert screen_of(terminal).width == width


def test_a_pipe_has_neither_width_nor_colour(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        assert screen_of(stream) == Screen(None, color=False)
        monkeypatch.setenv("COLUMNS", "80")
        assert screen_of(stream) == Screen(80, color=False)
    os.close(reader)
