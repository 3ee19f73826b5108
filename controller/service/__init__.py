"""The long-running controller: triggers, loop, HTTP. Decides nothing that one pass does not."""

from controller.service.controller import Controller
from controller.service.feeds import Feed, FolderFeed, GitFeed

__all__ = ["Controller", "Feed", "FolderFeed", "GitFeed"]
