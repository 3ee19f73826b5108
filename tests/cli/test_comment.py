"""`penstock comment` posts the plan of a pull request as one comment and one status, from the variables of CI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forges.github_access import Token
from tests.support.reviewed import TOKEN, Reviewed, reviewed_pull_request
from tests.support.sources import inbound


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Reviewed]:
    with reviewed_pull_request(tmp_path) as found:
        yield found


def test_the_plan_of_a_pull_request_is_one_comment_and_one_status(reviewed: Reviewed) -> None:
    assert reviewed.comment() == "commented on pull request 1 of voice/flows\n"

    assert "### Penstock plan" in reviewed.body
    assert "front" in reviewed.body
    [status] = reviewed.repository.statuses
    assert (status.context, status.state, status.sha) == ("penstock/plan", "success", reviewed.pull.sha)


def test_the_same_plan_again_is_one_call_to_read_and_none_to_write(reviewed: Reviewed) -> None:
    reviewed.comment()
    reviewed.github.calls.clear()

    assert reviewed.comment() == "the comment already says this on pull request 1 of voice/flows\n"
    assert [call.method for call in reviewed.github.calls] == ["GET"]


def test_another_plan_updates_the_comment(reviewed: Reviewed) -> None:
    reviewed.comment()
    first = reviewed.body
    reviewed.shell.flow("menu", inbound("Menu"))
    reviewed.shell.commit()
    head = reviewed.github.forge.push(reviewed.repository, "greeting", reviewed.shell.git("rev-parse", "HEAD"))

    assert reviewed.comment("--head", head) == "updated the comment on pull request 1 of voice/flows\n"
    assert reviewed.body != first
    assert "menu" in reviewed.body


def test_a_run_for_a_commit_that_is_no_longer_the_head_writes_nothing(reviewed: Reviewed) -> None:
    reviewed.github.forge.push(reviewed.repository, "greeting")

    assert "a newer commit was pushed" in reviewed.comment()
    assert reviewed.pull.comments == []
    assert reviewed.github.writes() == []


def test_mistakes_are_posted_with_file_and_line_and_make_the_status_red(reviewed: Reviewed) -> None:
    (reviewed.shell.folder / "front.yaml").write_text("apiVersion: penstock/v1\nkind: Flow\nmetadata: {nme: front}\n")
    reviewed.shell.commit()
    head = reviewed.github.forge.push(reviewed.repository, "greeting", reviewed.shell.git("rev-parse", "HEAD"))

    reviewed.comment("--head", head, code=1)

    assert "There is no plan" in reviewed.body
    assert "front.yaml:3:12" in reviewed.body.replace("&#8203;", "")
    [status] = reviewed.repository.statuses
    assert status.state == "failure"


def test_where_nothing_changes_there_is_a_comment_only_if_asked(reviewed: Reviewed) -> None:
    shell, base = reviewed.shell, reviewed.shell.git("rev-parse", "main")
    shell.git("checkout", "--quiet", "main")
    (shell.folder / "notes.txt").write_text("nothing of a flow\n")
    shell.commit()
    head = reviewed.github.forge.push(reviewed.repository, "greeting", shell.git("rev-parse", "HEAD"))
    arguments = ("--head", head, "--base", base)

    assert "nothing changes, so there is no comment" in reviewed.comment(*arguments)
    assert reviewed.pull.comments == []
    assert [each.state for each in reviewed.repository.statuses] == ["success"]
    assert "commented on" in reviewed.comment(*arguments, "--always")
    assert len(reviewed.pull.comments) == 1


@pytest.mark.parametrize(
    ("missing", "arguments", "told"),
    [
        ("GITHUB_TOKEN", (), "there is no token for github"),
        ("GITHUB_REPOSITORY", (), "for which repository"),
        ("GITHUB_EVENT_PATH", (), "which pull request"),
    ],
)
def test_what_is_not_known_is_asked_for(
    reviewed: Reviewed, missing: str, arguments: tuple[str, ...], told: str
) -> None:
    del reviewed.shell.environment[missing]

    done = reviewed.shell.run("comment", *arguments)

    assert done.returncode == 1
    assert told in done.stderr
    assert reviewed.github.calls == []


def test_a_token_that_may_not_comment_is_told_which_permission_it_lacks(reviewed: Reviewed) -> None:
    reviewed.github.tokens[TOKEN] = Token("stranger")

    done = reviewed.shell.run("comment")

    assert done.returncode == 1
    assert "forge-" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
