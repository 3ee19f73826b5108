"""Reading faults, from a file or from a request to `/_simulator/faults`, with every mistake told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from controller.domain.errors import FlowFileInvalid, SettingsInvalid
from controller.flows import did_you_mean, load_yaml
from controller.simulator.faults import Fault, Match

_FAULTS = TypeAdapter(list[Fault])
_HINT = "docs/simulator.md tells of the kinds and fields of faults"
_UNKNOWN_FIELD = "extra_forbidden"


def parse_faults(value: object) -> list[Fault]:
    """Faults from a list, one fault, or `{"faults": […]}`. Raises `SettingsInvalid` naming every mistake."""
    if isinstance(value, dict):
        value = value.get("faults", [value])
    try:
        return _FAULTS.validate_python(value)
    except ValidationError as error:
        mistakes = "; ".join(_mistake(value, one) for one in error.errors(include_url=False))
        raise SettingsInvalid(f"the faults cannot be read: {mistakes}", hint=_HINT) from error


def read_faults(path: Path) -> list[Fault]:
    """Faults from a YAML or JSON file. Raises `SettingsInvalid`."""
    try:
        return parse_faults(load_yaml(path.read_text(encoding="utf-8")))
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


def _mistake(value: object, error: ErrorDetails) -> str:
    """`fault 2 ('storm'): kinds: there is no such field; did you mean 'kind'?`."""
    where = [str(part) for part in error["loc"]]
    if not where or not isinstance(value, Sequence):
        return "a list of faults is expected"
    words = error["msg"].lower()
    if error["type"] == _UNKNOWN_FIELD:
        known = Match.model_fields if where[1] == "match" else Fault.model_fields
        words = "; ".join(part for part in ("there is no such field", did_you_mean(where[-1], known)) if part)
    fault = value[int(where[0])]
    name = fault.get("name") if isinstance(fault, dict) else None
    shown = f"fault {int(where[0]) + 1}" + (f" ({name!r})" if isinstance(name, str) else "")
    return ": ".join(part for part in (shown, ".".join(where[1:]), words) if part)
