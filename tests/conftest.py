"""What every test can use."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import itertools
import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pytest
import structlog
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

from controller.domain.redaction import SECRETS
from tests.support.examples import NIGHTLY
from tests.support.forked_workers import forking
from tests.support.memory import roomy
from tests.support.patience import PATIENCE_S

if TYPE_CHECKING:
    import execnet

    from tests.support.world import World

PROOF = frozenset(
    {"availability", "chaos", "cli", "conformance", "crash", "docs", "faults", "safety", "service", "soak"}
)
"""Folders whose tests play whole processes or long stories; `make proof` runs them, and every check does."""

LONG = {
    "access": "login_in_a_browser",
    "api": "any_request",
    "deploy": "kubernetes",
    "delivery": "clocks_apart lost_answers recovering rolling_back rolling_back_by_hand undetermined"
    " unreadable_answers",
    "diagnosis": "anomalies hostile_traces trace_pages",
    "flows": "diff_completeness",
    "genesys": "tokens_in_the_queue",
    "history": "stories",
    "pages": "in_a_browser",
    "planning": "markdown mermaid_parser plan_page properties saved",
    "reconcile": "after_delivery authorship callers dialects examples exports_behind_publishes failed_and_live"
    " git_state giving_up groups lagging_listing looks manual_rollback notifications pausing permissions"
    " plans_meanwhile rollback_first scenarios status superseded suspended",
    "repository": "branches race record remotes",
    "reviews": "hostile merges planning surviving",
    "simulator": "any_request",
    "store": "audit_tampering",
}
"""Files of other folders that take six seconds of a processor and more; they are proofs too.

Except where branch coverage needs one in the quick tests.
"""

_PROCESSES = frozenset({"availability", "conformance", "crash", "deploy", "docs", "service", "soak"})
"""Folders whose tests mostly wait for processes; whoever works through them last leaves processors idle."""
_PATIENT_S = 600.0
_CERTIFICATE_END = "-----END CERTIFICATE-----\n"

_NO_LOGS = {
    **structlog.get_config(),
    # Without times, colours and padding, which take longer than all else that is done for a line.
    "processors": [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
}

# How fast a machine is says nothing of what is tested; whatever else the profile says, CI's own above all, stays.
settings.register_profile(
    "patient", parent=settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(NIGHTLY, parent=settings.get_profile("patient"))
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' folders apart from those of other checkouts, which would remove them, and in memory if it can.

    The width and colours of the terminal that runs the tests do not reach the commands that they run.
    """
    for name in ("COLUMNS", "NO_COLOR"):
        os.environ.pop(name, None)
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        owner = f"{os.getuid()} {config.rootpath}".encode()
        folder = roomy() / f"penstock-{hashlib.sha256(owner).hexdigest()[:8]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[execnet.XSpec]) -> None:
    """Workers share what takes longest before the first test: all that is imported."""
    if sys.platform == "linux":
        run = contextlib.ExitStack()
        run.enter_context(forking(config.invocation_params.args, specs))
        config.add_cleanup(run.close)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not proof ..."` and `-m "proof ..."` leave out is not even imported."""
    chosen = config.option.markexpr
    if chosen.startswith("not proof"):
        return True if _is_proof(collection_path, config) else None
    if chosen.startswith("proof") and collection_path.match("test_*.py") and not _is_proof(collection_path, config):
        return None if "mark.proof" in collection_path.read_text(encoding="utf-8") else True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The collector of garbage would look through what is imported meanwhile time and again, a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector of garbage need not look through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    # For each request over ASGI httpx looks for this library, which is not installed, on the whole path.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """What is marked nightly runs only where `-m` asks for it; the longest begin first, so that none ends alone."""
    for item in items:
        if _is_proof(item.path, config):
            item.add_marker(pytest.mark.proof)
    ended = yield
    if not config.option.markexpr:
        late = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]
    items[:] = _dealt(items, getattr(config, "workerinput", {}).get("workercount", 1))
    return ended


def _dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in an order in which each of these workers, which get equal pieces of it, begins with what waits long.

    Tests of one file stay together: they share what is made once.
    """
    longest = sorted((item for item in items if _longest_s(item) > _PATIENT_S), key=lambda item: -_longest_s(item))
    usual = [item for item in items if _longest_s(item) <= _PATIENT_S]
    waiting = [item for item in usual if _PROCESSES & set(item.path.parts)]
    working = [item for item in usual if not _PROCESSES & set(item.path.parts)]
    dealt: list[pytest.Item] = []
    for number in range(workers):
        dealt += longest[number::workers]
        for part in (waiting, working):
            dealt += part[len(part) * number // workers : len(part) * (number + 1) // workers]
    return dealt


def _longest_s(item: pytest.Item) -> float:
    """What a test may take, where it may take longer than others."""
    marker = item.get_closest_marker("timeout")
    return max(marker.args[0], _PATIENT_S) if marker else _PATIENT_S


def _is_proof(path: Path, config: pytest.Config) -> bool:
    if not path.is_relative_to(config.rootpath):
        return False
    folders = path.relative_to(config.rootpath).parts
    return bool(PROOF & set(folders)) or path in _long_files(config.rootpath)


@cache
def _long_files(root: Path) -> frozenset[Path]:
    names = ((folder, name) for folder, names in LONG.items() for name in names.split())
    return frozenset(root / "tests" / folder / f"test_{name}.py" for folder, name in names)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Each test begins with no logs set up, also where the command ran in this process for what several tests share."""
    structlog.configure(**_NO_LOGS)
    yield
    structlog.configure(**_NO_LOGS)


@pytest.fixture(autouse=True, scope="session")
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither a test nor what several share reads or writes what the person who runs it has set up."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
            environment.delenv(name)
        environment.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and text is folded where it is set
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        environment.setenv("PENSTOCK_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        # Nothing is tidied up in repositories that a test fills: git starts a process for it after each command.
        settings = tmp_path_factory.mktemp("git") / "config"
        settings.write_text(
            "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[receive]\n\tautoGC = false\n", encoding="utf-8"
        )
        environment.setenv("GIT_CONFIG_GLOBAL", str(settings))
        # Every HTTP client reads the certificates that it trusts, all 140 of them where nobody says which: one will do.
        certificate = settings.with_name("certificate.pem")
        certificate.write_text(
            "".join(Path(certifi.where()).read_text("utf-8").partition(_CERTIFICATE_END)[:2]), "utf-8"
        )
        environment.setenv("SSL_CERT_FILE", str(certificate))
        environment.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            environment.setenv(f"GIT_{role}_NAME", "Flow Author")
            environment.setenv(f"GIT_{role}_EMAIL", "author@example.com")
        # The tests' organisations are simulators on this machine, and their credentials have names of their own.
        environment.setenv("PENSTOCK_ORGANIZATION_HOSTS", "127.0.0.1,localhost")
        environment.setenv("PENSTOCK_CREDENTIAL_VARIABLES", "GENESYS_*,ACME_*")
        yield


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """What one test registers as a secret is masked in no other."""
    yield
    SECRETS.__init__()  # type: ignore[misc]


@pytest.fixture(scope="session")
def _states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New folders, numbered. `mktemp` would read a list of all earlier ones for each."""
    parent = tmp_path_factory.mktemp("states")
    return (parent / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, _states: Iterator[Path]) -> None:
    """What a test keeps where no store is named is its own."""
    folder = next(_states)
    folder.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))


@pytest.fixture(autouse=True, scope="session")
def _patient_hands() -> None:
    """What a test itself asks of a server may take longer than httpx's five seconds on a busy machine."""
    for operation in ("connect", "read", "write", "pool"):
        setattr(DEFAULT_TIMEOUT_CONFIG, operation, PATIENCE_S)


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world of the architect dialect; `tests.support.dialects.BOTH` asks for one of each."""
    # Imported here, because it joins every package, and most tests need one of them.
    from controller.domain.capabilities import ARCHITECT
    from tests.support.world import SECRET, World

    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=getattr(request, "param", ARCHITECT))
    yield made
    await made.close()
