"""Comparisons of flows for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.rendering.layout import LOG, Screen, Style, wrapped
from controller.planning.resources import missing_words
from controller.questions.flow_comparison import FlowComparison
from controller.questions.promotion import LackedResource, Readiness

_SIGNS = {"+": Style.GREEN, "-": Style.RED, "~": Style.YELLOW, "!": Style.ALARM, "=": Style.DIM}


def comparisons_text(comparisons: Sequence[FlowComparison], *, everything: bool = False, screen: Screen = LOG) -> str:
    """A paragraph for each flow that differs or could not be compared, and a count; `everything` shows all."""
    shown = [each for each in comparisons if everything or each.different is not False]
    return "".join(f"{line}\n" for each in shown for line in _paragraph(each, screen)) + f"{_count(comparisons)}\n"


def readiness_text(readiness: Readiness, screen: Screen = LOG) -> str:
    """A line for each resource that is lacking, with the flows that need it, then what is not known, and a count."""
    lines = [line for each in readiness.lacked for line in _lacked(each, readiness, screen)]
    for words in (*readiness.unknown, *readiness.notes):
        lines += wrapped(visible(words), screen, "! ", "    ")
    few = f"{len(readiness.lacked)} of" if readiness.lacked else "none of"
    many = counted(readiness.needed, "resource")
    count = f"{visible(readiness.other)} lacks {few} {many} that the flow files name"
    return "".join(f"{line}\n" for line in (*lines, *wrapped(count, screen)))


def _lacked(each: LackedResource, readiness: Readiness, screen: Screen) -> Iterator[str]:
    what = missing_words(each.missing)
    if each.elsewhere is False:
        what += f"; {readiness.one} lacks it, too"
    first, *others = wrapped(visible(what), screen, "- ", "    ")
    yield screen.paint("-", _SIGNS["-"]) + first[1:]
    yield from others
    for flow in each.flows:
        yield from wrapped(visible(f"{flow.flow} ({flow.place})"), screen, "    ", "      ")


def _paragraph(each: FlowComparison, screen: Screen) -> Iterator[str]:
    headline = f'{each.flow} ({each.key.type} "{each.key.name}"): {each.places}'
    for line in wrapped(visible(headline), screen, rest="    "):
        yield screen.paint(line, Style.BOLD)
    for mark, text in each.entries():
        sign = screen.paint(mark, _SIGNS.get(mark, Style.PLAIN))
        first, *others = wrapped(visible(text), screen, f"  {mark} ", "      ")
        yield f"  {sign}{first[2 + len(mark) :]}"
        yield from others


def _count(comparisons: Sequence[FlowComparison]) -> str:
    different = sum(each.different is True for each in comparisons)
    unknown = sum(each.different is None for each in comparisons)
    flows = "flow differs" if different == 1 else "flows differ"
    text = f"{different or 'no'} {flows}, {len(comparisons)} compared"
    return f"{text}, {unknown} of them could not be" if unknown else text
