"""gitea-js, the client that others generate from Gitea's own description, as the tests call it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.node import NODE, environment, installed

PACKAGES = ("gitea-js@1.23.0", "typescript@5.9.3")
PROGRAM = Path(__file__).parent / "javascript" / "gitea.mjs"


class GiteaJs:
    """A running client; each call gives `status`, `data`, `error` and `headers`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, group: str, method: str, *arguments: Any) -> dict[str, Any]:
        """Call `api.GROUP.METHOD(...)`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([group, method, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{group}.{method}: the program ended"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def repos(self, method: str, *arguments: Any) -> Any:
        """What `api.repos.METHOD(...)` gives, which must succeed."""
        answer = self.call("repos", method, *arguments)
        assert answer["status"] < 300, answer
        return answer["data"]


@contextmanager
def gitea_js(url: str, token: str, home: Path) -> Iterator[GiteaJs]:
    """A client of this server with this token. Skips where it cannot be installed."""
    packages = installed(*PACKAGES)
    command = [str(NODE), str(PROGRAM), url, token, str(packages)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**environment(), "HOME": str(home)}
    ) as process:
        yield GiteaJs(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
