"""The long-running controller: triggers, loop, HTTP. Decides nothing that one pass does not."""

from controller.service.connections import raise_limit_of_files
from controller.service.controller import Controller
from controller.service.feeds import Feed, FolderFeed, GitFeed

__all__ = ["Controller", "Feed", "FolderFeed", "GitFeed", "raise_limit_of_files"]
