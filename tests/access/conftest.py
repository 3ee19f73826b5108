from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.served import Served, served


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """The app as it listens on all addresses."""
    with served(tmp_path) as made:
        yield made
