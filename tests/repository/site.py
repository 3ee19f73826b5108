"""Real git repositories for tests: a remote, clones of it, and looks at what is in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from controller.domain.desired import ArtifactsPolicy
from controller.domain.identity import FlowKey
from controller.domain.platform import Export
from controller.domain.recorded import RecordedFlow
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow
from controller.repository.record import RecordSettings

GIT = shutil.which("git") or "git"
POLICY = ArtifactsPolicy(branch="main")
"""Records on the branch that people push to, as an operator may choose; the default is a branch of its own."""
LOCK = "artifacts/production/penstock.lock.yaml"
MOMENT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
PATIENT = RecordSettings(pause=lambda _: None)
"""Retries at once: tests do not sleep."""


class Site:
    """A folder of repositories."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str, at: Path | None = None, ok: bool = True) -> str:
        """Run git as a person would; the output."""
        answer = subprocess.run(
            [GIT, "-c", "user.name=Person", "-c", "user.email=person@example.com", *arguments],
            cwd=at or self.root,
            check=ok,
            capture_output=True,
        )
        return answer.stdout.decode("utf-8", "surrogateescape")

    def remote(self, name: str = "origin.git", *, seeded: bool = True) -> Path:
        """A bare repository with one commit on main, or with none."""
        path = self.root / name
        if seeded:
            shutil.copytree(_seeded() / "origin.git", path)
            self._copied("seed", path, f"seed-of-{name}")
        else:
            self.git("init", "-q", "--bare", "-b", "main", name)
        return path

    def clone(self, remote: Path | str, name: str) -> Path:
        if isinstance(remote, Path) and _facts(remote) == _facts(_seeded() / "origin.git"):
            return self._copied("clone", remote, name)
        self.git("clone", "-q", str(remote), name)
        return self.root / name

    def _copied(self, made: str, remote: Path, name: str) -> Path:
        """A copy of a clone that was made once, now of this remote."""
        shutil.copytree(_seeded() / made, self.root / name)
        settings = self.root / name / ".git" / "config"
        settings.write_text(settings.read_text("utf-8").replace(str(_seeded() / "origin.git"), str(remote)), "utf-8")
        return self.root / name

    def commit(self, folder: Path, files: Mapping[str, str], message: str = "change") -> str:
        """Write files, commit them all, and return the commit's id."""
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, newline="")
        self.git("add", "--all", at=folder)
        self.git("commit", "-q", "-m", message, at=folder)
        return self.head(folder)

    def head(self, folder: Path, ref: str = "HEAD") -> str:
        return self.git("rev-parse", ref, at=folder).strip()

    def show(self, folder: Path, path: str, ref: str = "main") -> str:
        return self.git("show", f"{ref}:{path}", at=folder)

    def count(self, folder: Path, ref: str = "main") -> int:
        return int(self.git("rev-list", "--count", ref, at=folder))


@cache
def _seeded() -> Path:
    """A remote with one commit on main, the clone `seed` that pushed it, and a `clone` of it then.

    Made once, and copied: git takes some twenty processes for them. They lack git's examples of hooks.
    """
    site = Site(Path(tempfile.mkdtemp(prefix="seeded-")))
    template = site.root / "template"
    for each in ("hooks", "info"):
        (template / each).mkdir(parents=True)
    remote, from_template = site.root / "origin.git", ("-q", f"--template={template}")
    site.git("init", *from_template, "--bare", "-b", "main", "origin.git")
    site.git("clone", *from_template, str(remote), "seed")
    site.commit(site.root / "seed", {"manifests/production.yaml": "kind: Organization\n"})
    site.git("push", "-q", "origin", "main", at=site.root / "seed")
    site.git("clone", *from_template, str(remote), "clone")
    return site.root


def _facts(remote: Path) -> dict[str, bytes]:
    """The refs and settings of a remote, by path; empty if it is none."""
    files = [remote / "HEAD", remote / "config", remote / "packed-refs", *(remote / "refs").rglob("*")]
    return {str(each.relative_to(remote)): each.read_bytes() for each in files if each.is_file()}


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a work tree and git's index, byte for byte."""
    found = {}
    for parent, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        for file in files:
            path = Path(parent) / file
            found[str(path.relative_to(folder))] = path.read_bytes()
    index = folder / ".git" / "index"
    return found | ({"<index>": index.read_bytes()} if index.exists() else {})


def recorded(manifest: str = "main-ivr", version: str = "1.0", *, at: datetime = MOMENT) -> RecordedFlow:
    return RecordedFlow(
        key=FlowKey("inboundcall", f"Flow {manifest}"),
        manifest=manifest,
        flow_id=f"id-of-{manifest}",
        version=version,
        source_digest="sha256:aa",
        export_digest="sha256:bb",
        dependency_digest="sha256:cc",
        revision="c0ffee",
        recorded_at=at,
    )


def delivery(
    *flows: RecordedFlow,
    organization: str = "production",
    policy: ArtifactsPolicy = POLICY,
    removed: tuple[FlowKey, ...] = (),
) -> ArtifactCommit:
    """A commit of these flows, each with its export."""
    return ArtifactCommit(
        organization,
        policy,
        tuple(
            DeliveredFlow(flow, Export(flow.flow_id, flow.version, f"name: {flow.manifest}\n", {"id": flow.flow_id}))
            for flow in flows
        ),
        removed=removed,
        revision="c0ffee",
        deployment="deployment-1",
    )
