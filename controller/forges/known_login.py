"""A fact about the account that is asked once and then kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class KnownLogin:
    """The login of the account, which does not change while a forge is open."""

    def __init__(self, find: Callable[[], Awaitable[str | None]]) -> None:
        self._find = find
        self._asking = asyncio.Lock()
        self._asked = False
        self._login: str | None = None

    async def get(self) -> str | None:
        """The login; None when the forge does not tell. A failure is not kept."""
        async with self._asking:
            if not self._asked:
                self._login, self._asked = await self._find(), True
            return self._login
