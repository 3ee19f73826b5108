"""Counts reviews: the last decision of each reviewer is the one that counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from controller.forges.port import ForgeApproval


class ReviewVerdict(Enum):
    """What a review says."""

    APPROVED = auto()
    REJECTED = auto()
    """It asks for changes."""
    DISMISSED = auto()
    """It was dismissed."""
    NONE = auto()
    """A comment, a request, or an unfinished review: it leaves the reviewer's decision as it was."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review."""

    author: str
    verdict: ReviewVerdict
    head_sha: str | None


def approvals_of(reviews: Iterable[Review]) -> tuple[ForgeApproval, ...]:
    """The approvals among the reviews, which come in the order of submission."""
    last, approved = dict[str, Review](), dict[str, str | None]()
    for review in reviews:
        if review.verdict is ReviewVerdict.NONE:
            continue
        last[review.author] = review
        if review.verdict is ReviewVerdict.APPROVED:
            approved[review.author] = review.head_sha
        elif review.verdict is ReviewVerdict.DISMISSED:
            approved.setdefault(review.author, review.head_sha)
    return tuple(
        ForgeApproval(author, sha, dismissed=last[author].verdict is not ReviewVerdict.APPROVED)
        for author, sha in approved.items()
    )
