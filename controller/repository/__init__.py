"""Git: revisions as values, the recorded state, and the commits that bring artifacts back.

Never touches a person's uncommitted work, never force-pushes.
"""

from controller.domain.recorded import NO_REVISION
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow, SavedDraft, export_paths, lock_path
from controller.repository.credentials import GitCredentials
from controller.repository.disk import DiskFiles
from controller.repository.follow import FollowSettings, follow, watch
from controller.repository.lockfile import decode, encode
from controller.repository.names import checked_branch, checked_url
from controller.repository.objects import Signature
from controller.repository.pending import Pending
from controller.repository.record import RecordedCommit, RecordSettings
from controller.repository.repository import Repository
from controller.repository.work_tree_files import WorkTreeFiles

__all__ = [
    "NO_REVISION",
    "ArtifactCommit",
    "DeliveredFlow",
    "DiskFiles",
    "FollowSettings",
    "GitCredentials",
    "Pending",
    "RecordSettings",
    "RecordedCommit",
    "Repository",
    "SavedDraft",
    "Signature",
    "WorkTreeFiles",
    "checked_branch",
    "checked_url",
    "decode",
    "encode",
    "export_paths",
    "follow",
    "lock_path",
    "watch",
]
