"""gitea-js, the client that others generate from Gitea's own description, as the tests call it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.node import NODE, environment, installed

PACKAGES = ("gitea-js@1.23.0", "typescript@5.9.3")
PROGRAM = Path(__file__).parent / "javascript" / "gitea.mjs"


@dataclass(frozen=True, slots=True)
class GiteaJs:
    """A client of a server with a token, in a program that runs; each call gives `status`, `data`, `error`, `headers`.

    Several clients may have one program.
    """

    program: subprocess.Popen[str]
    url: str
    token: str

    def call(self, group: str, method: str, *arguments: Any) -> dict[str, Any]:
        """Call `api.GROUP.METHOD(...)`."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps([self.url, self.token, group, method, arguments]) + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
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
def gitea_js(home: Path) -> Iterator[subprocess.Popen[str]]:
    """The program of the clients. Skips where gitea-js cannot be installed."""
    command = [str(NODE), str(PROGRAM), str(installed(*PACKAGES))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**environment(), "HOME": str(home)}
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
