"""`penstock run` with signers: it delivers what they signed, and keeps that while others push."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.signing import Keys, made_keys
from tests.support.sources import inbound
from tests.support.world import World


def push(world: World, keys: Keys, key: str | None, says: str, *options: str) -> str:
    world.flow("front", inbound("Front", says=says))
    sha = keys.sign(world.clone, key)
    world.git("push", "--quiet", *options, "origin", "HEAD:main")
    return sha


def fault(service: Service) -> str:
    answer = service.get("/status")
    return (answer.json()["fault"] or "") if answer is not None else ""


def in_sync(service: Service, version: str) -> bool:
    return service.live() == {"Front": version} and service.organization().get("message") == "in sync"


async def test_the_service_delivers_signed_commits_only(world: World, tmp_path: Path) -> None:
    with made_keys() as keys, running(world, keys, tmp_path) as service:
        service.until(lambda: in_sync(service, "1.0"), "the first delivery")
        first = world.git("rev-parse", "HEAD")

        unsigned = push(world, keys, None, "Unsigned")
        service.until(lambda: unsigned[:12] in fault(service), "the fault of the unsigned commit")
        assert fault(service) == f"the commit {unsigned[:12]} is not verified: it is not signed"
        strange = push(world, keys, "strange", "Strange")
        service.until(lambda: strange[:12] in fault(service), "the fault of the strange key")
        assert keys.fingerprint("strange") in fault(service)
        answer = service.get("/metrics")
        assert answer is not None
        assert 'penstock_revision_fault{repository="default"} 1.0' in answer.text
        passes = service.log.read_text().count("pass.done")
        service.until(lambda: service.log.read_text().count("pass.done") > passes, "a look with the last good revision")
        assert in_sync(service, "1.0")

        world.git("reset", "--quiet", "--hard", first)
        rewritten = push(world, keys, None, "Rewritten", "--force")
        service.until(lambda: rewritten[:12] in fault(service), "the fault of the rewritten history")
        assert set(service.live().values()) == {"1.0"}

        push(world, keys, "good", "Signed")
        service.until(lambda: in_sync(service, "2.0"), "the delivery of the signed commit")
        assert fault(service) == ""
        assert service.stop() == 0
        assert service.log.read_text().count("commit-unverified") == 3, "each is logged once, whatever the polls"


@contextmanager
def running(world: World, keys: Keys, folder: Path) -> Iterator[Service]:
    """A service that delivers the first commit, signed with the SSH key; it knows the OpenPGP key `good`, too."""
    (keys.folder / "signers").write_text(f"* {keys.ssh('ssh')}\n")
    for name in ("good", "strange"):
        keys.openpgp(name)
    (keys.folder / "good.asc").write_text(keys.exported("good"))
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        push(world, keys, "ssh", "First")
        service = Service(world, url, folder)
        service.environment["PENSTOCK_COMMIT_SIGNERS"] = str(keys.folder / "signers")
        service.environment["PENSTOCK_COMMIT_KEYRING"] = str(keys.folder / "good.asc")
        service.start()
        try:
            yield service
        finally:
            if service.process is not None and service.process.poll() is None:
                service.process.kill()
                service.process.wait()
