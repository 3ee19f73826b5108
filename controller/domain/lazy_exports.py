"""Imports the names of a package at first use, so that a command loads only the modules that it needs."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator


def lazy_exports(package: str) -> Callable[[str], object]:
    """A module's `__getattr__` (PEP 562) for the names that its `if TYPE_CHECKING:` block imports.

    That block is the only list of these names: type checkers and this function read the same lines.
    """
    modules: dict[str, str] = {}

    def load(name: str) -> object:
        if not modules:
            modules.update(_exports(package))
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return load


def _exports(package: str) -> Iterator[tuple[str, str]]:
    """Each name with its module."""
    spec = sys.modules[package].__spec__
    source = spec.loader.get_source(package) if spec and spec.loader else ""  # type: ignore[attr-defined]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}."):
            yield from ((alias.name, node.module) for alias in node.names)
