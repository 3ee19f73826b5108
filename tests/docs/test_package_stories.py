"""A package's docstring names the modules of its story; what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CONTROLLER = Path(__file__).parents[2] / "controller"
PACKAGES = sorted(path.parent.relative_to(CONTROLLER).as_posix() for path in CONTROLLER.rglob("__init__.py"))
LAYERS = {path.parent.name for path in CONTROLLER.glob("*/__init__.py")}


def story(package: str) -> str:
    tree = ast.parse((CONTROLLER / package / "__init__.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def there(package: str, name: str) -> bool:
    folder = CONTROLLER / package
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file() or name in LAYERS


@pytest.mark.parametrize("package", [each for each in PACKAGES if not each.startswith("cli")])
def test_each_module_that_a_package_names_is_there(package: str) -> None:
    named = set(re.findall(r"`([a-z_]+)`", story(package)))

    assert {name for name in named if not there(package, name)} == set()


@pytest.mark.parametrize("layer", sorted(LAYERS - {"cli"}))
def test_each_layer_tells_its_story(layer: str) -> None:
    """The modules are named: a newcomer learns there in which order the data goes through."""
    assert len(re.findall(r"`[a-z_]+`", story(layer))) >= 4
