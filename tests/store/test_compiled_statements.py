"""A process compiles a statement once, however many stores it opens."""

from __future__ import annotations

import itertools
from pathlib import Path

from sqlalchemy import Select, select
from sqlalchemy.engine.interfaces import CacheStats

from controller.store.engine import create_engine
from controller.store.schema import leases
from tests.support.postgres import new_store
from tests.support.stores import prepare

NUMBERS = itertools.count()


def statement() -> Select[tuple[str]]:
    """One that nobody has asked before."""
    return select(leases.c.holder.label(f"holder_{next(NUMBERS)}")).where(leases.c.holder == "nobody")


def cached(url: str, asked: Select[tuple[str]]) -> CacheStats:
    """Ask, and tell whether the text was there."""
    engine = create_engine(url)
    with engine.connect() as connection:
        result = connection.execute(asked)
        hit: CacheStats = result.context.cache_hit
        assert result.all() == []
    engine.dispose()
    return hit


def test_of_several_files(tmp_path: Path) -> None:
    asked = statement()
    for name in ("a", "b", "c"):
        prepare(tmp_path / name)

    hits = [cached(f"sqlite:///{tmp_path / name}", asked) for name in ("a", "b", "c")]

    assert hits == [CacheStats.CACHE_MISS, CacheStats.CACHE_HIT, CacheStats.CACHE_HIT]


def test_each_kind_of_database_gets_its_own_text(tmp_path: Path, postgres: str) -> None:
    asked = statement()
    prepare(tmp_path / "a")

    hits = [cached(url, asked) for url in (f"sqlite:///{tmp_path / 'a'}", new_store(postgres), new_store(postgres))]

    assert hits == [CacheStats.CACHE_MISS, CacheStats.CACHE_MISS, CacheStats.CACHE_HIT]
