"""Every error that Penstock raises on purpose, wherever it is defined."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import controller
from controller.domain.errors.branches import Invalid, PenstockError, Permanent, Refused, Transient, Waiting

BRANCHES = (Invalid, Refused, Waiting, Transient, Permanent)


def leaves(package: ModuleType = controller) -> list[type[PenstockError]]:
    """The classes below the branches: all that the package defines, and those that are loaded anyway."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    todo, seen = [PenstockError], []
    while todo:
        current = todo.pop()
        seen.append(current)
        todo.extend(current.__subclasses__())
    return [kind for kind in seen if kind is not PenstockError and kind not in BRANCHES]
