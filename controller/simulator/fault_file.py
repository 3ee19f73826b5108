"""Reads faults from a file or a request to `/_simulator/faults` and reports all mistakes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from controller.domain.errors import FlowFileInvalid, SettingsInvalid
from controller.flows.loading import load_node
from controller.flows.suggestion import did_you_mean
from controller.flows.yaml_reader import YamlNode
from controller.simulator.faults import Fault, FaultKind, Match

_FAULTS = TypeAdapter(list[Fault])
_HINT = "docs/reference/simulator.md tells of the kinds and fields of faults"
_UNKNOWN_FIELD = "extra_forbidden"


def parse_faults(value: object) -> list[Fault]:
    """Faults from a list, one fault, or `{"faults": […]}`. Raises `SettingsInvalid` with all mistakes."""
    return _parse(value, None)


def _parse(value: object, node: YamlNode | None) -> list[Fault]:
    """Parse the faults; `node` is the YAML source of the value and gives mistakes their line."""
    listed = value.get("faults", [value]) if isinstance(value, dict) else value
    try:
        faults = _FAULTS.validate_python(listed)
    except ValidationError as error:
        mistakes = [
            _line(node, _path(value, one["loc"])) + _mistake(listed, one) for one in error.errors(include_url=False)
        ]
        raise SettingsInvalid(f"the faults cannot be read: {'; '.join(mistakes)}", hint=_HINT) from error
    twice = [name for name, count in Counter(fault.name for fault in faults).items() if count > 1]
    if twice:
        message = f"the faults cannot be read: the name {twice[0]!r} is given twice; the second would replace the first"
        raise SettingsInvalid(message, hint="give every fault a name of its own")
    for number, fault in enumerate(faults):
        asked = "route" if fault.match.route is not None else "method"
        fault.place = _line(node, _path(value, (number, "match", asked)))
    return faults


def read_faults(path: Path) -> list[Fault]:
    """Faults from a YAML or JSON file. Raises `SettingsInvalid`."""
    try:
        text = path.read_text(encoding="utf-8")
        node = load_node(text)
        faults = _parse(node.plain() if node is not None else None, node)
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{path}: {error.message}", hint=error.hint) from error
    except FlowFileInvalid as error:
        message = f"{path}, line {error.line}, column {error.column}: {error.message}"
        raise SettingsInvalid(message, hint=error.hint) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"the faults file {path} is not UTF-8", hint=_HINT) from error
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SettingsInvalid(
            f"the faults file {path} cannot be read: {why}", hint="name a file with faults"
        ) from error
    for fault in faults:
        fault.place = f"{path}: {fault.place}"
    return faults


def _path(value: object, where: Sequence[str | int]) -> Sequence[str | int]:
    """The path from the top of the input to a place that is given relative to the list of faults."""
    if not isinstance(value, dict):
        return where
    return ("faults", *where) if "faults" in value else where[1:]


def _line(node: YamlNode | None, where: Sequence[str | int]) -> str:
    """`line 4: ` for the place or its nearest known parent; empty without a file."""
    return f"line {node.locate(where, at_key=True)[0]}: " if node is not None else ""


def _mistake(value: object, error: ErrorDetails) -> str:
    """`fault 2 ('storm'): kinds: there is no such field; did you mean 'kind'?`."""
    where = [str(part) for part in error["loc"]]
    if not where or not isinstance(value, Sequence):
        return "a list of faults is expected"
    words = error["msg"].lower()
    if error["type"] == "enum":
        words = "; ".join(
            part for part in (words, did_you_mean(str(error["input"]), [str(kind) for kind in FaultKind])) if part
        )
    if error["type"] == _UNKNOWN_FIELD:
        known = Match.model_fields if where[1] == "match" else Fault.model_fields
        words = "; ".join(part for part in ("there is no such field", did_you_mean(where[-1], known)) if part)
    fault = value[int(where[0])]
    name = fault.get("name") if isinstance(fault, dict) else None
    shown = f"fault {int(where[0]) + 1}" + (f" ({name!r})" if isinstance(name, str) else "")
    return ": ".join(part for part in (shown, ".".join(where[1:]), words) if part)
