"""A pull request on a served GitHub, and the checkout of a CI run for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import PullRequest, Repository
from tests.support.forges.server import served
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound

TOKEN = "token-of-penstock"


@dataclass
class Reviewed:
    """A pull request on GitHub, and the checkout of a CI run for it."""

    shell: InsideShell
    github: GitHub
    repository: Repository
    pull: PullRequest

    def comment(self, *arguments: str, code: int = 0) -> str:
        done = self.shell.run("comment", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout

    @property
    def body(self) -> str:
        [only] = self.pull.comments
        return only.body


@contextlib.contextmanager
def reviewed_pull_request(folder: Path) -> Iterator[Reviewed]:
    """The branch `greeting` changes the flow `front`; GitHub and the simulator are served until the block ends."""
    github = GitHub(enterprise=True)
    repository = github.forge.repository("voice/flows")
    github.forge.grant(repository, "write", "penstock", "ada")
    github.tokens[TOKEN] = Token("penstock")
    with simulator_thread() as url, served(github) as forge:
        shell = InsideShell(folder, url)
        shell.git("checkout", "--quiet", "-b", "greeting")
        shell.flow("front", inbound("Front", says="Welcome"))
        shell.commit()
        head = shell.git("rev-parse", "HEAD")
        repository.branches |= {"main": shell.git("rev-parse", "main"), "greeting": head}
        pull = github.forge.pull_request(repository, "ada", "greeting")
        shell.git("update-ref", "refs/remotes/origin/main", "main")
        event = folder / "event.json"
        event.write_text(f'{{"pull_request": {{"number": {pull.number}, "head": {{"sha": "{head}"}}}}}}')
        shell.environment |= {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "voice/flows",
            "GITHUB_API_URL": f"{forge}/api/v3",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_BASE_REF": "main",
            "GITHUB_TOKEN": TOKEN,
        }
        yield Reviewed(shell, github, repository, pull)
