"""What flow files say is kept between loads, and a kept fact never changes what a load says."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import controller
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution, ResourceReference
from controller.manifests.fact_cache import fact_cache
from controller.manifests.loading import Desired, Means, load
from controller.manifests.source_facts import (
    READER,
    FactCache,
    SourceFacts,
    TemplateFacts,
    reader_version,
    source_facts,
    source_key,
    template_facts,
    template_key,
)
from controller.repository.disk import DiskFiles
from tests.manifests.repository import organization
from tests.support.sources import inbound, module

MIB = 1024**2
TEXT = st.text(max_size=8)
REFERENCES = st.builds(
    FlowReference,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
    TEXT,
    TEXT,
    st.sampled_from(Resolution),
    st.booleans(),
    st.none(),
    TEXT,
    st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
RESOURCES = st.builds(ResourceReference, TEXT, TEXT, TEXT, st.sampled_from(Resolution))
FACTS = st.builds(
    SourceFacts,
    st.builds(FlowKey, TEXT, TEXT),
    TEXT,
    st.lists(REFERENCES, max_size=3).map(tuple),
    st.lists(RESOURCES, max_size=3).map(tuple),
)


class CountingCache:
    """A cache in memory that counts."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.hits = 0

    def get(self, key: bytes) -> bytes | None:
        self.hits += key in self.kept
        return self.kept.get(key)

    def put(self, key: bytes, body: bytes) -> None:
        self.kept[key] = body


def flow(name: str, file: str, extra: str = "") -> str:
    return (
        f"apiVersion: penstock/v1\nkind: Flow\nmetadata: {{name: {name}}}\nspec:\n  source: {{file: {file}{extra}}}\n"
    )


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    files = {
        "organization.yaml": organization(),
        "desk.yaml": flow("desk", "desk.flow.yaml"),
        "desk.flow.yaml": inbound("Desk", calls=["Hours"], transfers=["Other"]),
        "hours.yaml": flow("hours", "hours.flow.yaml", ", substitutions: {greeting: Hello}"),
        "hours.flow.yaml": module("Hours", says="{{greeting}}"),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def loaded(top: Path, cache: FactCache) -> Desired:
    return load(DiskFiles(top), means=Means(cache=cache))


def mistakes(top: Path, cache: FactCache) -> list[str]:
    with pytest.raises(ManifestInvalid) as caught:
        loaded(top, cache)
    return [f"{each} {each.hint}" for each in caught.value.mistakes]


def whole(desired: Desired) -> str:
    """Everything of it, positions and surroundings of references too, which equality leaves out."""
    return repr(desired)


def test_a_second_load_parses_no_flow_file_and_says_the_same(top: Path) -> None:
    cache = CountingCache()
    first = loaded(top, cache)
    hits, kept = cache.hits, dict(cache.kept)
    second = loaded(top, cache)
    assert (hits, cache.hits) == (0, 4), "two files, each before and after substitution"
    assert cache.kept == kept
    assert whole(second) == whole(first) == whole(load(DiskFiles(top)))
    assert [reference.position for each in second.organizations[0].flows for reference in each.source.references]


def test_mistakes_are_the_same_each_time(top: Path) -> None:
    text = (top / "desk.flow.yaml").read_text().replace("task[Main_1]", "task[Main_2]")
    (top / "desk.flow.yaml").write_text(text)
    (top / "hours.flow.yaml").write_text(module("Hours", says="{{greeting}}") + "  broken: [\n")
    cache = CountingCache()
    found = mistakes(top, cache)
    assert len(found) == 2
    assert mistakes(top, cache) == found == mistakes(top, CountingCache())


def test_another_content_and_another_value_have_their_own_facts() -> None:
    keys = {
        source_key("a", {}),
        source_key("b", {}),
        source_key("a", {"x": "1"}),
        source_key("a", {"x": "2"}),
        source_key("a", {"x1": ""}),
        template_key("a"),
    }
    assert len(keys) == 6


def test_values_of_the_environment_leave_no_trace(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_VALUE_WORD", "hunter2hunter2")
    (top / "hours.yaml").write_text(
        flow("hours", "hours.flow.yaml", ", substitutions: {greeting: {env: PENSTOCK_VALUE_WORD}}")
    )
    with fact_cache(top / "cache", MIB) as cache:
        loaded(top, cache)
    content = b"".join(path.read_bytes() for path in (top / "cache").rglob("*") if path.is_file())
    assert b"Desk" in content
    assert b"hunter2" not in content
    counting = CountingCache()
    loaded(top, counting)
    assert len(counting.kept) == 3, "of this file only what it says before substitution"


@given(FACTS)
def test_facts_survive_their_encoding(facts: SourceFacts) -> None:
    assert repr(source_facts(facts.encoded())) == repr(facts)


@given(
    st.binary(max_size=40) | st.recursive(st.none() | st.integers() | TEXT, st.lists).map(lambda v: repr(v).encode())
)
def test_what_is_no_encoding_tells_nothing(body: bytes) -> None:
    assert source_facts(body) is None
    assert source_facts(None) is None
    assert template_facts(None) is None


def test_a_template_survives_its_encoding() -> None:
    facts = TemplateFacts(7, ("b", "a"), frozenset({"a", "b", "c"}))
    assert template_facts(facts.encoded()) == facts


def test_the_readers_version_covers_every_module_that_reads() -> None:
    """A module that the reader begins to use has to be one of READER's, or an old fact could outlive its change."""
    script = (
        "import sys, controller.flows.flow_file, controller.flows.checks, controller.flows.substitution, "
        "controller.manifests.source_facts; print(*(m for m in sys.modules if m.startswith('controller.')))"
    )
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    covered = [part.removesuffix(".py").replace("/", ".") for part in READER]
    names = [name.removeprefix("controller.") for name in said.split()]
    beyond = [name for name in names if not any(name == part or name.startswith(f"{part}.") for part in covered)]
    assert beyond == ["manifests"], "an empty package"
    assert (Path(controller.__file__).parent / "manifests/__init__.py").read_text().count("import ") == 0


def test_a_change_of_a_readers_module_changes_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "controller"
    for part in READER:
        path = package / part if part.endswith(".py") else package / part / "module.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("A = 1\n")
    monkeypatch.setattr(controller, "__file__", str(package / "__init__.py"))

    def keys() -> list[bytes | None]:
        reader_version.cache_clear()
        return [source_key("a", {}), template_key("a")]

    try:
        before = keys()
        assert before == keys()
        (package / "flows/module.py").write_text("A = 2\n")
        assert not {*before, None} & {*keys()}
        (package / READER[-1]).unlink()
        assert keys() == [None, None], "nothing is kept where the reader is unknown"
    finally:
        reader_version.cache_clear()


# --- The file -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def connection(folder: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder / "facts" / "facts-1.sqlite")) as opened:
        yield opened
        opened.commit()


def put(folder: Path, *keys: bytes, size: int = 10, most: int = MIB) -> None:
    with fact_cache(folder, most) as cache:
        for key in keys:
            cache.put(key, key * size)


def got(folder: Path, *keys: bytes) -> list[bytes | None]:
    with fact_cache(folder, MIB) as cache:
        return [cache.get(key) for key in keys]


def test_what_is_put_is_there_the_next_time(tmp_path: Path) -> None:
    put(tmp_path, b"a", b"b")
    assert got(tmp_path, b"a", b"b", b"c") == [b"a" * 10, b"b" * 10, None]


def test_only_its_owner_can_read_the_cache(tmp_path: Path) -> None:
    put(tmp_path / "new", b"a")
    assert (tmp_path / "new" / "facts").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("target", ["facts", "facts/facts-1.sqlite"])
@pytest.mark.parametrize("how", ["link", "foreign"])
def test_what_belongs_to_others_is_neither_believed_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, how: str
) -> None:
    put(tmp_path, b"a")
    path = tmp_path / target
    if how == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    before = (tmp_path / "elsewhere" if how == "link" else path).stat().st_mtime_ns
    assert got(tmp_path, b"a") == [None]
    put(tmp_path, b"b")
    assert (tmp_path / "elsewhere" if how == "link" else path).stat().st_mtime_ns == before, "and not written either"


@pytest.mark.parametrize("target", ["facts", "facts/facts-1.sqlite"])
def test_what_others_could_have_written_is_removed(tmp_path: Path, target: str) -> None:
    """Kubernetes lets a group write to the files of a volume whenever it is mounted."""
    put(tmp_path, b"a")
    (tmp_path / target).chmod(0o770)
    assert got(tmp_path, b"a") == [None]
    put(tmp_path, b"b")
    assert got(tmp_path, b"a", b"b") == [None, b"b" * 10]


def test_a_changed_or_exchanged_row_is_no_fact(tmp_path: Path) -> None:
    put(tmp_path, b"a", b"b", b"c")
    with connection(tmp_path) as opened:
        opened.execute("UPDATE facts SET body = (SELECT body FROM facts WHERE key = ?) WHERE key = ?", (b"a", b"b"))
        opened.execute("UPDATE facts SET body = substr(body, 1, length(body) - 1) || 'x' WHERE key = ?", (b"c",))
    assert got(tmp_path, b"a", b"b", b"c") == [b"a" * 10, None, None]


@pytest.mark.parametrize("content", [b"", b"no database", os.urandom(8192)])
def test_a_broken_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, b"a")
    (tmp_path / "facts" / "facts-1.sqlite").write_bytes(content)
    assert got(tmp_path, b"a") == [None]
    put(tmp_path, b"a")
    assert got(tmp_path, b"a") == [b"a" * 10]


def test_a_file_that_breaks_in_the_middle_costs_only_time(tmp_path: Path) -> None:
    keys = [b"%d" % number for number in range(500)]
    put(tmp_path, *keys, size=100)
    path = tmp_path / "facts" / "facts-1.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    assert set(got(tmp_path, *keys)) <= {None, *(key * 100 for key in keys)}
    put(tmp_path, b"a")
    put(tmp_path, b"a")
    assert got(tmp_path, b"a") == [b"a" * 10]


def test_it_may_be_deleted_at_any_moment(tmp_path: Path) -> None:
    put(tmp_path, b"a")
    with fact_cache(tmp_path, MIB) as cache:
        (tmp_path / "facts" / "facts-1.sqlite").unlink()
        (tmp_path / "facts").rmdir()
        cache.get(b"a")
        cache.put(b"b", b"b")
    put(tmp_path, b"c")
    assert got(tmp_path, b"c") == [b"c" * 10]


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    put(tmp_path, b"a", b"b", b"c", b"d", size=1000)
    with connection(tmp_path) as opened:
        for day, key in enumerate((b"b", b"d", b"a", b"c")):
            opened.execute("UPDATE facts SET used = ? WHERE key = ?", (day, key))
    assert got(tmp_path, b"b") == [b"b" * 1000], "used now"
    put(tmp_path, b"e", size=1000, most=4500)
    assert got(tmp_path, b"a", b"b", b"c", b"d", b"e") == [None, b"b" * 1000, b"c" * 1000, None, b"e" * 1000]


def test_a_limit_of_zero_keeps_nothing(tmp_path: Path) -> None:
    put(tmp_path, b"a", most=0)
    assert list(tmp_path.iterdir()) == []


def test_a_locked_file_and_a_folder_that_cannot_be_made_cost_only_time(tmp_path: Path) -> None:
    put(tmp_path, b"a")
    with connection(tmp_path) as opened:
        opened.execute("BEGIN EXCLUSIVE")
        assert got(tmp_path, b"a") == [None]
        put(tmp_path, b"b")
        opened.execute("ROLLBACK")
    assert got(tmp_path, b"a", b"b") == [b"a" * 10, None]
    (tmp_path / "file").write_text("")
    assert got(tmp_path / "file", b"a") == [None]


def _write(folder: Path, number: int) -> None:
    for turn in range(10):
        with fact_cache(folder, MIB) as cache:
            key = b"%d %d" % (number, turn)
            cache.put(key, key)
            for other in range(4):
                for before in range(10):
                    name = b"%d %d" % (other, before)
                    assert cache.get(name) in (None, name)


@pytest.mark.proof
def test_processes_share_it(tmp_path: Path) -> None:
    context = get_context("spawn")
    processes = [context.Process(target=_write, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    names = [b"%d %d" % (number, turn) for number in range(3) for turn in range(10)]
    assert all(found in (None, name) for name, found in zip(names, got(tmp_path, *names), strict=True))
    put(tmp_path, b"a")
    assert got(tmp_path, b"a") == [b"a" * 10]


# --- Texts --------------------------------------------------------------------------------------------------------


def test_a_text_is_read_when_it_is_needed_and_must_be_the_one_that_was_checked(top: Path) -> None:
    (organization_,) = load(DiskFiles(top)).organizations
    sources = {each.id: each.source for each in organization_.flows}
    assert sources["hours"].text.read() == module("Hours", says="Hello")
    (top / "hours.flow.yaml").write_text(module("Hours", says="{{greeting}}!"))
    with pytest.raises(RepositoryFailed, match=r"hours\.flow\.yaml was changed on the disk after it was read"):
        sources["hours"].text.read()
    (top / "hours.flow.yaml").unlink()
    with pytest.raises(RepositoryFailed, match=r"hours\.flow\.yaml cannot be read again"):
        sources["hours"].text.read()
