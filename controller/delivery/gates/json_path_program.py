"""A program of its own: what a JSONPath finds in an answer's body. It can be killed, so no expression holds anybody up.

It is started by its path, in Python's isolated mode and with an empty environment, and imports nothing of ours: that
makes it start quickly, and leaves nothing to be read by an expression. Reads `{"path", "equals", "body"}` from stdin,
where `equals` is left out when anything that is found will do, and writes `{"error"}` or `{"found", "same", "shown"}`.
"""

from __future__ import annotations

import json
import resource
import sys

_MEMORY = 512 * 1024**2
_CPU_S = 5
_SHOWN = 120


def look(request: dict[str, object]) -> dict[str, object]:
    """The first value that the expression finds, and whether any value is the expected one."""
    import jsonpath

    try:
        body = json.loads(str(request["body"]))
    except (ValueError, RecursionError):
        return {"error": "not-json"}
    found, shown = False, ""
    try:
        for match in jsonpath.finditer(str(request["path"]), body):
            if not found:
                found, shown = True, json.dumps(match.obj, ensure_ascii=False)[:_SHOWN]
            if "equals" not in request or same(match.obj, request["equals"]):
                return {"found": True, "same": True, "shown": shown}
    except (jsonpath.JSONPathError, RecursionError) as error:
        return {"error": f"no path: {error}"[:500]}
    return {"found": found, "same": False, "shown": shown}


def same(left: object, right: object) -> bool:
    """Equal as JSON: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def main() -> None:
    """Read the request, write the answer."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(look(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
