"""What an installation of distributions brings along, from the metadata of those that are installed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

THIS_MACHINE: Final[Mapping[str, str]] = {}


def installed_with(requirements: Iterable[str], machine: Mapping[str, str] | None = THIS_MACHINE) -> set[str]:
    """The names of these distributions and of all that they bring along.

    `machine` has the variables of PEP 508's markers that differ from those of this machine; None is any machine.
    """
    todo, found = [Requirement(name) for name in requirements], set[str]()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        mark = f"{name}[{','.join(sorted(wanted.extras))}]"
        if mark in found:
            continue
        found.add(mark)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # only for another machine or Python
        todo += [need for need in map(Requirement, needs) if _applies(need, wanted.extras, machine)]
    return {mark.partition("[")[0] for mark in found}


def _applies(need: Requirement, extras: set[str], machine: Mapping[str, str] | None) -> bool:
    if need.marker is None:
        return True
    if any(need.marker.evaluate({**(machine or {}), "extra": extra}) for extra in {"", *extras}):
        return True
    return machine is None and "extra" not in str(need.marker)
