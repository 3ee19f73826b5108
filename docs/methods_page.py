"""Writes docs/reference/simulator-methods.md from the simulator's routes and Genesys' SDK: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.sdk_methods import SdkMethod, methods, version

PAGE = Path(__file__).parent / "reference" / "simulator-methods.md"
_BEGINNING = """\
# Methods of Genesys' SDKs on the simulator

Every method of each API of which [the simulator](simulator.md) answers at least one.
The names are those of Genesys' Python SDK {version}.
The JavaScript SDK writes the same names as `postFlowsJobs`.
Tests call each answered method with both SDKs, and compare every answer with the model that the SDK declares.

A method that is not answered gets 404 or 405, and the message says so.
APIs that are not listed here are not answered at all.

`make docs` writes this page from the code.

| API | methods | answered |
|---|---|---|
"""


def page() -> str:
    """The text of docs/reference/simulator-methods.md."""
    listed = methods()
    rows = [
        f"| [{api}](#{api.lower()}) | {len(each)} | {sum(method.answered for method in each)} |"
        for api, each in listed.items()
    ]
    sections = ["\n".join(_section(api, each)) for api, each in listed.items()]
    return _BEGINNING.format(version=version()) + "\n".join(rows) + "\n\n" + "\n\n".join(sections) + "\n"


def _section(api: str, listed: tuple[SdkMethod, ...]) -> Iterator[str]:
    yield f"## {api}\n"
    yield "| answered method | request |\n|---|---|"
    yield from (f"| `{method.name}` | `{method.verb} {method.path}` |" for method in listed if method.answered)
    rest = [f"`{method.name}`" for method in listed if not method.answered]
    if rest:
        yield f"\nNot answered: {', '.join(rest)}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
