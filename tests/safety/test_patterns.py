"""Every regular expression of the code takes time that grows with its input, and not faster, whatever the input is.

Patterns are found, not listed: those that modules and classes hold, and those that stand in calls of `re`. Each one is
given long repeats of characters and of its own words, in the way in which the code uses it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import controller
from controller.diagnosis.masking import Masking
from controller.simulator.architect.filters import wildcard

SOURCES = sorted(Path(controller.__path__[0]).rglob("*.py"))
FUNCTIONS = ("compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
BUILT = {
    ("flows/substitution.py", "f'{prefix}([0-9]+)z'"),
    # Patterns that are put together when they are used; each has a test below, or consists of escaped text alone.
    ("diagnosis/masking.py", "globs"),
    ("diagnosis/masking.py", "'|'.join(map(re.escape, longest_first))"),
    ("simulator/architect/filters.py", "whole"),
    # Starlette's pattern of the API's prefix, which is fixed.
    ("service/api/paths.py", "self.path_regex.pattern"),
}
CHARACTERS = (*"aA0 \n\t\r-_./:<>{}[()\"'\\=&?@#%,|~+*!$^;", "é")
LONGEST = 4096
SHORT = (16, 19, 22, 25, 28, 64, 512)
"""A pattern whose time doubles with each character is found among these before it holds the test up."""
PARTS = 6
SLOW_S = 0.05
NOTICEABLE_S = 0.004


@dataclass(frozen=True)
class Found:
    where: str
    pattern: re.Pattern[Any]
    way: str

    def run(self, *texts: str) -> float:
        """CPU seconds that this thread needs for the texts. To read that clock takes longer than most of them."""
        subjects = [text.encode() if isinstance(self.pattern.pattern, bytes) else text for text in texts]
        looks_once = self.way in ("match", "fullmatch", "search")
        look = getattr(self.pattern, self.way if looks_once else "finditer")
        begun = time.thread_time()
        for subject in subjects:
            found = look(subject)
            for _ in () if looks_once else found:
                pass
        return time.thread_time() - begun


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(controller.__path__, "controller."):
        if "migrations" not in found.name and not found.name.endswith(("__main__", "json_path_program")):
            yield importlib.import_module(found.name)


def held(value: object, depth: int = 5) -> Iterator[re.Pattern[Any]]:
    """Patterns in a value of a module: itself, in collections, and in classes that are ours."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for each in itertools.chain(value.keys(), value.values()):
            yield from held(each, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from held(each, depth - 1)
    elif depth and inspect.isclass(value) and value.__module__.startswith("controller."):
        for each in vars(value).values():
            yield from held(each, depth - 1)


USE = re.compile(rf"\b(\w+)\.({'|'.join(FUNCTIONS)})\b")
BY_ANOTHER_NAME = re.compile(rf"\b(?!re\.)\w+\.({'|'.join(FUNCTIONS[1:])})\(")


@cache
def uses(source: str) -> dict[str, set[str]]:
    """By name, the functions that the source calls on it."""
    found: dict[str, set[str]] = {}
    for name, function in USE.findall(source):
        found.setdefault(name, set()).add(function)
    return found


@cache
def all_sources() -> str:
    return "\n".join(path.read_text() for path in SOURCES)


def ways(module: ModuleType, name: str) -> set[str]:
    """How the code uses a pattern of this name; where it does not tell, the one that looks everywhere."""
    source = inspect.getsource(module) if name.startswith("_") else all_sources()
    used = uses(source).get(name, set())
    if not used and name.startswith("_"):
        used = set(BY_ANOTHER_NAME.findall(source))
    return used or {"finditer"}


def in_calls(path: Path) -> Iterator[Found]:
    """Patterns that stand in calls of `re` itself."""
    name, source = str(path.relative_to(Path(controller.__path__[0]))), path.read_text()
    for node in ast.walk(ast.parse(source)) if "re." in source else ():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.func.attr in FUNCTIONS):
            continue
        if (name, ast.unparse(node.args[0])) in BUILT:
            continue
        module = importlib.import_module("controller." + name.removesuffix(".py").replace("/", "."))
        given = eval(compile(ast.Expression(node.args[0]), name, "eval"), dict(vars(module)))  # noqa: S307 - our code
        if node.func.attr != "compile":
            yield Found(f"{name}:{node.lineno}", re.compile(given), node.func.attr)


@cache
def everything() -> list[Found]:
    """All of them, in order; not looked for where tests are only collected, which each worker does."""
    found: dict[tuple[object, int, str], Found] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in held(value):
                for way in sorted(ways(module, name)):
                    key = (pattern.pattern, pattern.flags, way)
                    found.setdefault(key, Found(f"{module.__name__.removeprefix('controller.')}.{name}", pattern, way))
    for path in SOURCES:
        for each in in_calls(path):
            found.setdefault((each.pattern.pattern, each.pattern.flags, each.way), each)
    return sorted(found.values(), key=lambda each: (each.where, each.way, str(each.pattern.pattern)))


def words(pattern: re.Pattern[Any]) -> list[str]:
    """Text that stands in the pattern, such as `http` and `://`, so that repeats of it come far into it."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    plain = re.sub(r"\\[a-zA-Z]|\[[^\]]*\]|\(\?[a-zA-Z<=!:]*", " ", text).replace("\\", "")
    return list(dict.fromkeys(part for part in re.split(r"[\s()|*+?{}\[\]^$]+", plain) if part))[:6]


Text = Callable[[int], str]
"""A text by the length that is wanted."""


def texts(pattern: re.Pattern[Any]) -> Iterator[list[Text]]:
    """Repeats: of one thing, of two in turn, and of one behind another; those of one thing are together."""
    known = words(pattern)
    units = [*CHARACTERS, *known, *(a + b for a in known[:3] for b in (*known[:3], " ", "a", "="))]
    heads = dict.fromkeys(("", *known[:1], "".join(known[:3]), *"?<"))
    for unit in dict.fromkeys(units):
        yield [
            lambda size, unit=unit, head=head, tail=tail: head + unit * (size // len(unit)) + tail  # type: ignore[misc]
            for head in heads
            for tail in ("", "\n!")
        ]


def fault(found: Found) -> str | None:
    """The text that takes too long; None where there is none."""
    repeats = list(texts(found.pattern))
    for size in SHORT:
        for text in longer(found, list(itertools.chain(*repeats)), size, SLOW_S):
            if min(found.run(text(size)) for _ in range(2)) > SLOW_S:
                return f"{text(8)!r}: {size} characters take longer than {SLOW_S} s"
    for alike in repeats:
        for text in longer(found, alike, LONGEST, NOTICEABLE_S):
            quarter_s = min(found.run(text(LONGEST // 4)) for _ in range(5))
            whole_s = min(found.run(text(LONGEST)) for _ in range(5))
            if whole_s > 8 * quarter_s and whole_s > NOTICEABLE_S:
                return f"{text(8)!r}: four times the length takes {whole_s / quarter_s:.0f} times as long"
    return None


def longer(found: Found, some: list[Text], size: int, limit_s: float) -> Iterator[Text]:
    """Those that take longer than the limit; none does where all together do not."""
    if found.run(*(text(size) for text in some)) > limit_s:
        yield from (text for text in some if found.run(text(size)) > limit_s)


def test_patterns_are_found() -> None:
    names = {each.where for each in everything()}
    assert {"manifests.tree._FLOW_FILE", "domain.redaction._BEARER"} <= names
    # A class is found in the first module that knows it.
    assert any(name.endswith(".FlowLoader") for name in names)
    assert len(everything()) > 70


@pytest.mark.parametrize("part", range(PARTS))
def test_patterns_are_linear(part: int) -> None:
    slow = [f"{each.where}-{each.way}: {told}" for each in everything()[part::PARTS] if (told := fault(each))]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize("globs", [(), ("*a*a*a*a*a*a*b",), ("*[a-z]*[a-z]*x",), ("?*?*?*?*!",)])
def test_the_name_patterns_are_linear_whatever_a_person_adds_to_the_usual_ones(globs: tuple[str, ...]) -> None:
    assert fault(Found("names", Masking(globs)._pattern, "match")) is None


def test_the_simulators_wildcards_are_linear_and_mean_what_they_say() -> None:
    fits = wildcard("a*b*A*c")
    assert [fits(text) for text in ("abac", "AxBxAxC", "abc", "a\nb\na\nc")] == [True, True, False, True]
    begun = time.thread_time()
    assert not wildcard("*a" * 200 + "*b")("a" * 20_000)
    assert time.thread_time() - begun < 1


def test_a_pattern_that_is_not_linear_is_found() -> None:
    """The test itself tells: what once held the service up, and what only grows with the square."""
    once = re.compile(rb"(?:\s*(?:#[^\n]*|---)?\n)*\s*[\"']?(\w+)[\"']?:\s*\n")
    assert fault(Found("once", once, "match")) is not None
    assert fault(Found("square", re.compile(r"<[^>]*>"), "search")) is not None
