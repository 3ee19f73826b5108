"""Where a command's output goes: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def output_to(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Gives a function that writes text; the file replaces what was there only when all went well."""
    if path is None:
        yield sys.stdout.write
        sys.stdout.flush()
        return
    from controller.domain.errors import SettingsInvalid

    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file.write
        temporary.replace(path)
    except OSError as error:
        raise SettingsInvalid(f"cannot write {path}: {error.strerror}", hint="choose another --out") from error
    finally:
        temporary.unlink(missing_ok=True)


def warn(lines: tuple[str, ...] | list[str]) -> None:
    """Tell people on stderr what they should know; names in it cannot move the cursor."""
    from controller.planning.rendering.visible import visible

    for line in lines:
        print(f"warning: {visible(line)}", file=sys.stderr)
