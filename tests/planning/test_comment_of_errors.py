"""The comment where there is no plan, or not for each organisation, byte for byte.

`GOLDEN=write` writes the files anew; look at what changed before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from controller.domain.desired import Origin
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.errors.organization import PermissionMissing
from controller.domain.errors.repository import MergeConflict
from controller.planning.model import Unplanned
from controller.planning.rendering.markdown import COMMENT_LIMIT
from controller.questions.pull_request_comment import PlanReview, review_markdown
from controller.questions.pull_request_plan import BranchFailure
from tests.planning import plans
from tests.planning.forge_markup import live_markup

FOLDER = Path(__file__).parent / "golden_comments"


def _mistakes(count: int = 2, name: str = "flows/front.yaml") -> PlanReview:
    found = [
        Mistake(Origin(name, line, 12), "metadata.nme is not known", hint="did you mean name?")
        for line in range(1, count + 1)
    ]
    return PlanReview(error=ManifestInvalid(found))


def _without_permission(name: str = "production") -> BranchFailure:
    error = PermissionMissing("the client may not list flows", permission="architect:flow:view", hint="grant it")
    return BranchFailure(name, error)


REVIEWS: Mapping[str, Callable[[], PlanReview]] = {
    "mistakes": _mistakes,
    "conflict": lambda: PlanReview(error=MergeConflict("the branch and main change the same lines of front.yaml")),
    "permission": lambda: PlanReview(failures=[_without_permission()]),
    "partly": lambda: PlanReview(
        views=[plans.created()],
        unplanned=[Unplanned("added", "the branch adds this organisation")],
        failures=[_without_permission("staging")],
    ),
    "unchecked": lambda: PlanReview(views=[plans.created()], checked=False),
    "hostile": lambda: PlanReview(
        views=[plans.hostile()],
        unplanned=[Unplanned(plans.HOSTILE, plans.HOSTILE)],
        failures=[_without_permission(plans.HOSTILE)],
    ),
    "hostile-mistakes": lambda: _mistakes(name=plans.HOSTILE),
}


@pytest.mark.parametrize("case", REVIEWS)
def test_a_comment_says_what_is_wrong_as_it_was_looked_at(case: str) -> None:
    file = FOLDER / f"{case}.md"
    text = review_markdown(REVIEWS[case](), COMMENT_LIMIT)
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", REVIEWS)
def test_a_comment_has_one_title_and_no_live_markup(case: str) -> None:
    text = review_markdown(REVIEWS[case](), COMMENT_LIMIT)
    assert text.startswith("### Penstock plan\n\n")
    assert text.count("### Penstock plan") == 1
    assert live_markup(text) == []


def test_where_no_organisation_could_be_planned_the_comment_does_not_say_that_there_is_none() -> None:
    assert "No organisation" not in review_markdown(PlanReview(failures=[_without_permission()]), COMMENT_LIMIT)


@pytest.mark.parametrize("limit", [2_000, 10_000, COMMENT_LIMIT])
def test_ten_thousand_mistakes_fit_a_comment_which_counts_those_left_out(limit: int) -> None:
    text = review_markdown(_mistakes(10_000), limit)
    shown = text.count(" is not known;")
    assert len(text) <= limit
    assert shown > 0
    assert f"Shortened to fit a comment: {10_000 - shown} mistakes left out." in text.replace(",", "")


def test_every_golden_file_belongs_to_a_case() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{case}.md" for case in REVIEWS}
