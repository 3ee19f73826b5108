"""The methods of Genesys' Python SDK, read from its source without importing its 6,800 modules."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from controller.simulator.app import ARCHITECT, VERSIONED

PACKAGE = "PureCloudPlatformClientV2"
_CLASS = re.compile(r"^class (\w+)\(object\):", re.MULTILINE)
_METHOD = re.compile(r"^    def (\w+)\(self,([^()]*)\*\*kwargs\)(.*?)(?=^    def |\Z)", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"resource_path = '([^']+)'")
_VERB = re.compile(r"call_api\(resource_path, '(\w+)'")
_ANSWER = re.compile(r"response_type=(?:'([^']*)'|None)")
_PARAMETER = re.compile(r"{[^}]*}")


@dataclass(frozen=True, slots=True)
class SdkMethod:
    """One method of one API class."""

    api: str
    name: str
    verb: str
    path: str
    """The path's template: `/api/v2/flows/{flowId}`."""
    required: tuple[str, ...]
    """The parameters that every call has to give, in their order."""
    answer: str
    """The model of the answer; empty where there is none."""

    @property
    def answered(self) -> bool:
        """Whether the simulator has a route for it. Names of path parameters may differ."""
        return (self.verb, _shape(self.path)) in _served()

    @property
    def javascript(self) -> str:
        """Its name in Genesys' JavaScript SDK."""
        return camel(self.name)


def camel(name: str) -> str:
    """`post_flows_jobs` as `postFlowsJobs`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@cache
def methods() -> dict[str, tuple[SdkMethod, ...]]:
    """Every method of each API that the simulator answers at all, by the API's name, in the order of their names."""
    prefixes = {"/".join(path.split("/")[:4]) for _, path in _served()}
    found = {}
    for file in sorted((_folder() / "apis").glob("*_api.py")):
        text = file.read_text(encoding="utf-8")
        if any(prefix in text for prefix in prefixes):
            listed = tuple(sorted(_methods(text), key=lambda method: method.name))
            if any(method.answered for method in listed):
                found[listed[0].api] = listed
    return found


def version() -> str:
    """The version of the SDK that is installed."""
    return metadata.version(PACKAGE)


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed; it is in the group `test` of pyproject.toml")
    return Path(spec.origin).parent


def _methods(text: str) -> Iterator[SdkMethod]:
    api = _CLASS.search(text)
    if api is None:
        return
    for name, parameters, body in _METHOD.findall(text):
        path, verb, answer = _PATH.search(body), _VERB.search(body), _ANSWER.search(body)
        if path and verb and answer:
            required = tuple(each.partition(":")[0].strip() for each in _split(parameters))
            yield SdkMethod(api[1], name, verb[1], path[1], required, answer[1] or "")


def _split(parameters: str) -> list[str]:
    """`a: str, b: Dict[str, int],` as two."""
    return [each for each in re.sub(r"\[[^:]*\]", "", parameters).split(",") if each.strip()]


@cache
def _served() -> frozenset[tuple[str, str]]:
    """Method and shape of each route of the Platform API."""
    return frozenset((endpoint.method, _shape(endpoint.template)) for endpoint in (*ARCHITECT, *VERSIONED))


def _shape(path: str) -> str:
    return _PARAMETER.sub("{}", path)
