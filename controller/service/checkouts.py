"""The revisions that the service has read, each in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from controller.reconcile import Settings, Workspace, open_revision
from controller.repository import Repository

_KEPT = 3


class Checkouts:
    """Checks revisions out once and forgets all but the latest few."""

    def __init__(self, repository: Repository, folder: Path, settings: Settings) -> None:
        self._repository = repository
        self._folder = folder
        self._settings = settings
        self._known: dict[str, Workspace] = {}
        # Left over from a process before this one; a half-written checkout must not be taken for a whole one.
        shutil.rmtree(folder, ignore_errors=True)

    def open(self, sha: str) -> Workspace:
        """The workspace of a revision. Raises ManifestInvalid and what git can raise."""
        known = self._known.pop(sha, None)
        if known is None:
            into = self._folder / sha
            shutil.rmtree(into, ignore_errors=True)
            known = open_revision(self._repository, sha, into, self._settings)
        self._known[sha] = known
        for old in list(self._known)[:-_KEPT]:
            del self._known[old]
            shutil.rmtree(self._folder / old, ignore_errors=True)
        return known
