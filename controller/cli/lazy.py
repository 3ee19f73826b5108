"""A group of commands that imports a command's module when the command is called (click's `LazyGroup`)."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, ClassVar, cast, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

_OPTIONAL = ("click", "rich.console", "rich.pretty")
_LOOKED_FOR = "sniffio"
"""httpcore tries to import it several times a request, which searches the whole path where it is not installed."""


@dataclass(frozen=True, slots=True)
class ListedCommand:
    """Where a command is, and the line about it in `--help`."""

    module: str
    """In the group's package; it holds a function of that name, unless `attribute` names another, or a LazyGroup."""
    help: str
    attribute: str | None = None
    hidden: bool = False
    offline: bool = False
    """Whether it calls no organisation, so that it does without httpx."""


class LazyGroup(TyperGroup):
    """Lists its commands from a table, and imports only the one that is called."""

    package: ClassVar[str]
    entries: ClassVar[Mapping[str, ListedCommand]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=entry.help, hidden=entry.hidden) for name, entry in self.entries.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Click's hook between the name on the command line and the command: here the module is imported."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name is not None else None, rest

    def load(self, name: str) -> Any:
        """The command itself."""
        entry = self.entries[name]
        collecting = gc.isenabled()
        gc.disable()  # importing makes thousands of objects and no garbage: looking for some takes a tenth of the start
        try:
            import_alone("structlog", *(() if entry.offline else ("httpx",)))
            found_in = importlib.import_module(f"{self.package}.{entry.module}")
        finally:
            if collecting:
                gc.enable()
        found = getattr(found_in, entry.attribute or entry.module)
        if isinstance(found, type) and issubclass(found, LazyGroup):
            return found(name=name, help=entry.help, no_args_is_help=True, rich_markup_mode=None)
        return _command(found, name, entry)


def module(name: str) -> Any:
    """A module that a command needs for some of its options only; imported now."""
    return importlib.import_module(name)


def import_alone(*libraries: str) -> None:
    """Import libraries as if the optional ones that they would import were not installed.

    httpx imports click and rich for a command line of its own, and structlog imports rich to colour tracebacks.
    Neither is used here, and both together take as long to import as httpx and structlog. They can be imported later.
    A library that is looked for at each request, and is not installed, stays absent.
    """
    modules = cast("dict[str, Any]", sys.modules)
    absent = [name for name in _OPTIONAL if name not in modules]
    modules.update(dict.fromkeys(absent))  # None makes `import` raise ImportError
    try:
        for library in libraries:
            importlib.import_module(library)
    finally:
        for name in absent:
            del modules[name]
    if _LOOKED_FOR not in modules and importlib.util.find_spec(_LOOKED_FOR) is None:
        modules[_LOOKED_FOR] = None


def _command(function: Callable[..., Any], name: str, entry: ListedCommand) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name, help=entry.help, hidden=entry.hidden)(_spread(function))
    return typer.main.get_command(single)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes one dataclass of options, as Typer needs it: with a parameter for each field."""
    hints = get_type_hints(function)
    hints.pop("return", None)
    options = next(iter(hints.values()), None)
    if not (len(hints) == 1 and isinstance(options, type) and is_dataclass(options)):
        return function
    annotations = get_type_hints(options, include_extras=True)

    def spread(**given: Any) -> Any:
        return function(options(**given))

    spread.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [_parameter(each, annotations[each.name]) for each in fields(options)]
    )
    spread.__annotations__ = annotations
    return spread


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
