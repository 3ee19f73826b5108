"""A command's output: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO, cast

from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible


class MaskedStream:
    """A text stream that masks every registered secret; it is otherwise the wrapped stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(SECRETS.plain(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def mask_output() -> None:
    """Mask registered secrets on stdout and stderr from now on."""
    sys.stdout = cast("TextIO", MaskedStream(sys.stdout))
    sys.stderr = cast("TextIO", MaskedStream(sys.stderr))


@contextlib.contextmanager
def output_to(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Gives a function that writes text; a file is replaced only when the block ends without an error."""
    if path is None:
        yield sys.stdout.write
        sys.stdout.flush()
        return
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield lambda text: file.write(SECRETS.plain(text))
        temporary.replace(path)
    except OSError as error:
        raise SettingsInvalid(f"cannot write {path}: {error.strerror}", hint="choose another --out") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def warn(lines: tuple[str, ...] | list[str]) -> None:
    """Print warnings on stderr; control characters in names are escaped."""
    for line in lines:
        print(f"warning: {visible(line)}", file=sys.stderr)
