"""`python -m tests.support.left_behind` tells which of Penstock's variables a rehearsal has changed."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from inspect import isclass

from tests.support.fork_server import import_all
from tests.support.rehearsal import rehearse


def variables() -> dict[str, object]:
    """Every variable of a module or a class of Penstock: how much it holds, or which object it is."""
    return dict(_variables())


def _variables() -> Iterator[tuple[str, object]]:
    for module in [each for name, each in sys.modules.items() if name.startswith("controller.")]:
        classes = [each for each in vars(module).values() if isclass(each) and each.__module__ == module.__name__]
        for owner in (module, *classes):
            place = module.__name__ if owner is module else f"{module.__name__}.{owner.__name__}"
            for name, value in vars(owner).items():
                if not name.startswith("__"):
                    yield f"{place}.{name}", len(value) if isinstance(value, Collection) else id(value)


if __name__ == "__main__":
    import_all()
    before = variables()
    rehearse()
    after = variables()
    sys.stdout.writelines(f"{name}\n" for name, value in after.items() if before.get(name) != value)
