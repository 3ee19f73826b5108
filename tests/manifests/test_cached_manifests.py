"""Files that git holds are read once: later loads know from the cache what each file is and what a manifest says."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.errors.manifest import FlowFileInvalid, ManifestInvalid
from controller.domain.files import Kind
from controller.manifests.documents import FileFacts, FileRole, file_facts, read_documents
from controller.manifests.fact_cache import fact_cache
from controller.manifests.loading import Desired, Means, load
from controller.manifests.source_facts import FactCache
from controller.repository.disk import DiskFiles
from tests.manifests.repository import organization
from tests.support.sources import inbound

MIB = 1024**2
FLOWS = 200


class GitFiles:
    """A folder whose files have git's ids, and how often each was opened."""

    def __init__(self, top: Path) -> None:
        self._disk = DiskFiles(top)
        self._top = top
        self.opened: list[str] = []
        self.listing = self._disk.listing
        self.target = self._disk.target
        self.reread = self._disk.reread

    def content(self, path: str, most: int) -> bytes | None:
        self.opened.append(path)
        return self._disk.content(path, most)

    def opening(self, path: str, most: int) -> bytes:
        self.opened.append(path)
        return self._disk.opening(path, most)

    def object_id(self, path: str) -> str | None:
        folder, _, name = path.rpartition("/")
        if self.listing(folder).get(name) is not Kind.FILE:
            return None
        content = (self._top / path).read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Memory:
    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: bytes, body: bytes) -> None:
        self.kept[key] = body


def flow(name: str, extra: str = "") -> str:
    source = f"{{file: flows/{name}.yaml}}"
    return f"apiVersion: penstock/v1\nkind: Flow\nmetadata: {{name: {name}}}\nspec:\n  source: {source}\n{extra}"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "flows").mkdir(parents=True)
    (folder / "organization.yaml").write_text(organization())
    (folder / "values.yaml").write_text("image: nginx\n")
    for number in range(FLOWS):
        name = f"flow-{number:03d}"
        (folder / f"{name}.yaml").write_text(flow(name, "  suspend: true\n" if number % 2 else ""))
        (folder / "flows" / f"{name}.yaml").write_text(inbound(f"Flow {number}"))
    (folder / "flows" / "unused.yaml").write_text(inbound("Unused"))
    return folder


def loaded(files: GitFiles, cache: FactCache) -> Desired:
    return load(files, means=Means(cache=cache))


def mistakes(top: Path, cache: FactCache) -> list[str]:
    with pytest.raises(ManifestInvalid) as caught:
        loaded(GitFiles(top), cache)
    return [f"{each} {each.hint}" for each in caught.value.mistakes]


def test_a_second_load_opens_no_file_and_says_the_same(top: Path) -> None:
    cache, first, second = Memory(), GitFiles(top), GitFiles(top)
    before = loaded(first, cache)
    assert set(first.opened) == {path.relative_to(top).as_posix() for path in top.rglob("*.yaml")}
    after = loaded(second, cache)
    assert second.opened == []
    assert (after.files, after.unused) == (before.files, ("flows/unused.yaml",))
    assert after.organizations == before.organizations == loaded(GitFiles(top), Memory()).organizations
    assert [each.origin for each in after.organizations[0].flows] == [
        each.origin for each in before.organizations[0].flows
    ]


def test_only_changed_files_are_opened(top: Path) -> None:
    cache = Memory()
    loaded(GitFiles(top), cache)
    (top / "flow-007.yaml").write_text(flow("flow-007", "  suspend: false\n"))
    files = GitFiles(top)
    loaded(files, cache)
    assert files.opened == ["flow-007.yaml"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("flow-001.yaml", flow("flow-001", "  suspend: maybe\n  dependsOn: [flow-900]\n")),
        ("flow-001.yaml", flow("flow-001", "  suspend: true\n  suspend: true\n")),
        ("flow-001.yaml", flow("flow-001", "  broken: [\n")),
        ("flow-001.yaml", flow("flow-001").replace("Flow", "Flowers")),
        ("flow-001.yaml", flow("flow-002")),
    ],
)
def test_mistakes_have_the_same_lines_each_time(top: Path, file: str, text: str) -> None:
    cache = Memory()
    loaded(GitFiles(top), cache)
    (top / file).write_text(text)
    found = mistakes(top, Memory())
    assert mistakes(top, cache) == mistakes(top, cache) == found
    assert all(f"{file}:" in each or "flow-002.yaml:" in each for each in found)


def test_a_name_in_a_document_of_unknown_kind_may_be_a_flow(top: Path) -> None:
    """A flow that may be in it is not said to be missing, whether the file was read or known."""
    cache = Memory()
    lost = flow("lost").replace("kind: Flow", "kind: Flowers")
    (top / "lost.yaml").write_text(lost)
    (top / "flow-001.yaml").write_text(flow("flow-001", "  dependsOn: [lost, missing]\n"))
    found = mistakes(top, cache)
    assert mistakes(top, cache) == found
    assert [each for each in found if "dependsOn" in each] == [each for each in found if '"missing"' in each] != []


def test_a_load_asks_the_file_of_facts_with_few_queries(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three facts for each flow, and one query for up to 512 of them."""
    asked: list[str] = []
    connect: Any = sqlite3.connect

    class Counting(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            asked.append(sql)
            return super().execute(sql, *values)

    def counted(*words: Any, **options: Any) -> Any:
        return connect(*words, **options, factory=Counting)

    monkeypatch.setattr(sqlite3, "connect", counted)
    with fact_cache(tmp_path / "cache", MIB) as cache:
        loaded(GitFiles(top), cache)
    cold = sum("WHERE rowid" in each for each in asked)
    asked.clear()
    files = GitFiles(top)
    with fact_cache(tmp_path / "cache", MIB) as cache:
        loaded(files, cache)
    assert (cold, files.opened) == (0, [])
    assert sum("SELECT" in each for each in asked) <= 15, asked


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(alphabet="ab:- \n{}[]'\"1.~", max_size=60))
def test_the_documents_of_any_text_survive_their_encoding(text: str) -> None:
    reading = read_documents(f"a: 1\nb: [x, {{c: 2.5}}]\n---\n{text}")
    facts = FileFacts(7, FileRole.MANIFEST, tuple(reading.documents))
    assert repr(file_facts(facts.encoded())) == repr(facts)


@given(st.binary(max_size=30) | VALUES.map(lambda value: repr(value).encode("utf-8", "replace")))
def test_what_is_no_encoding_of_a_file_tells_nothing(body: bytes) -> None:
    assert file_facts(body) is None
    assert file_facts(None) is None


def test_a_small_text_with_many_repetitions_is_not_kept() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 5)]
    reading = read_documents("\n".join(lines))
    assert reading.documents
    assert FileFacts(1, FileRole.MANIFEST, tuple(reading.documents)).encoded() is None


def test_a_text_without_an_end_is_no_document() -> None:
    reading = read_documents("a: [")
    assert not reading.complete
    assert isinstance(reading.mistakes[0], FlowFileInvalid)
