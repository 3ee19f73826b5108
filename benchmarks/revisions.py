"""How much does a new revision of a big repository cost beyond git's own fetch of it?

One manifest has changed. The service's clone fetches the commit and reads the manifests of the new revision, after it
had read those of the revision before. The peer is `git fetch` of the same commit into another clone. Processor time is
user and system time, that of the git programs included.
"""

from __future__ import annotations

import random
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row
from benchmarks.repositories import Checkout
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import open_revision
from controller.repository.repository import Repository
from tests.support.sources import inbound

FILES, BYTES, FLOWS = 50_000, 20_000, 500
_TARGET_S = 0.3
_BRANCH = "refs/heads/main"


def ask(files: int = FILES, size: int = BYTES, flows: int = FLOWS) -> Answer:
    """Make the repository, clone it twice, and fetch one more commit into each."""
    with scratch() as folder:
        checkout = Checkout(folder / "checkout")
        for number in range(flows):
            checkout.flow(f"flow-{number:04d}", inbound(f"Flow {number}"))
        _fill(checkout, files - 2 * flows - 1, size)
        remote = folder / "remote.git"
        checkout.git("clone", "--quiet", "--bare", ".", str(remote))
        repository = Repository.clone(str(remote), folder / "clone.git")
        subprocess.run(["git", "clone", "--quiet", "--bare", str(remote), "peer.git"], cwd=folder, check=True)  # noqa: S607
        settings = Settings()
        open_revision(repository, repository.fetch("main"), settings)
        _change(checkout, remote)
        peer_s = _seconds(lambda: _fetch(folder / "peer.git"))
        before = _bytes(folder / "clone.git")
        own_s = _seconds(lambda: open_revision(repository, repository.fetch("main"), settings))
        written = sum(_bytes(folder / "clone.git").values()) - sum(before.values())
        outside = _beside_objects(_bytes(folder / "clone.git")) - _beside_objects(before)
    rows = (
        Row("beyond git's fetch", "s processor", (own_s - peer_s,), _TARGET_S if files >= FILES else None),
        Row("fetch and read", "s processor", (own_s,), None, "git fetch", (peer_s,)),
        Row("written", "KiB", (written / 1024,)),
        Row("written besides git's objects and refs", "KiB", (outside / 1024,), 0.0),
    )
    return Answer("revisions", {"files": files, "bytes of each": size, "flows": flows, "git": _version()}, rows)


def _fill(checkout: Checkout, files: int, size: int) -> None:
    """Commit files that do not compress, by `git fast-import`: nothing of them is checked out."""
    checkout.commit()
    chance = random.Random(1)  # noqa: S311 - the same each time
    words = ["git", "-c", "core.compression=0", "fast-import", "--quiet", "--force"]
    with subprocess.Popen(words, cwd=checkout.folder, stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.write(b"commit refs/heads/main\ncommitter A <a@example.com> 1760000000 +0000\ndata 4\nfill\n")
        importing.stdin.write(b"from refs/heads/main^0\n")
        for number in range(files):
            path = f"artifacts/acme/{number % 250:03d}/{number:05d}.json"
            importing.stdin.write(f"M 100644 inline {path}\ndata {size}\n".encode() + chance.randbytes(size) + b"\n")
    if importing.returncode:
        raise RuntimeError(f"git fast-import ended with {importing.returncode}")


def _change(checkout: Checkout, remote: Path) -> None:
    """Change one manifest in a commit upon the big one, without its files on disk."""
    manifest = checkout.folder / "flow-0000.yaml"
    manifest.write_text(manifest.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    checkout.git("read-tree", "refs/heads/main")
    checkout.git("update-index", "--add", "flow-0000.yaml")
    tree = checkout.git("write-tree")
    commit = checkout.git("commit-tree", tree, "-p", "refs/heads/main", "-m", "Change one manifest")
    checkout.git("update-ref", _BRANCH, commit)
    checkout.git("push", "--quiet", str(remote), f"{_BRANCH}:{_BRANCH}")


def _fetch(clone: Path) -> None:
    subprocess.run(["git", "fetch", "--quiet", "origin", f"+{_BRANCH}:{_BRANCH}"], cwd=clone, check=True)  # noqa: S607


def _seconds(work: Callable[[], object]) -> float:
    """User and system time of this process and of the children that end meanwhile."""
    before = _used_s()
    work()
    return _used_s() - before


def _used_s() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))


def _bytes(folder: Path) -> dict[str, int]:
    """The size of each file by its path in the folder."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _beside_objects(sizes: dict[str, int]) -> int:
    names = ("objects/", "refs/", "packed-refs", "logs/", "FETCH_HEAD")
    return sum(size for path, size in sizes.items() if not path.startswith(names))


def _version() -> str:
    shown = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True)  # noqa: S607
    return shown.stdout.split()[2]
