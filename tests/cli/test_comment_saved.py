"""`penstock comment --plan` posts a file that anybody may have written, and trusts nothing in it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.planning.rendering.document import saved_plan_json
from controller.questions.decisions import require_digest
from tests.planning import plans
from tests.planning.forge_markup import live_markup
from tests.support.reviewed import Reviewed, reviewed_pull_request

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci" / "github" / "workflows" / "penstock-comment.yml"
DIGEST = "sha256:" + "0123456789abcdef" * 4
MARKER = f"<!-- penstock:plan * head={'0' * 40} text={'0' * 32} -->"
WRONG = "is not a plan of the form penstock.plan/v1"


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Reviewed]:
    with reviewed_pull_request(tmp_path) as found:
        yield found


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def leave_only_the_forge(reviewed: Reviewed, folder: Path) -> None:
    """From now on commands run in an empty folder, without git, credentials of an organisation, and a store."""
    environment = reviewed.shell.environment
    reviewed.shell.folder = folder / "empty"
    reviewed.shell.folder.mkdir()
    for name in ("ACME_ID", "ACME_SECRET", "GITHUB_BASE_REF"):
        del environment[name]
    environment |= {"PATH": str(reviewed.shell.folder), "PENSTOCK_STORE": "postgresql://nowhere.invalid/penstock"}


def hostile(text: str) -> dict[str, Any]:
    """A plan of the right form, with this text wherever any text may be."""
    document: Any = json.loads(saved_plan_json([plans.updated(), plans.refused(), plans.blocked()]))
    document["organizations"] = [
        {**each, "name": f"organisation-{n}"} for n, each in enumerate(document["organizations"])
    ]
    kept = {"schema", "digest", "revision", "base_revision", "head_revision", "code", "change", "state", "flow"}

    def filled(value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            return {key: filled(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [filled(item, field) for item in value]
        return f"{value} {text}" if isinstance(value, str) and field not in kept else value

    found: dict[str, Any] = filled(document)
    return found


def approvable(text: str) -> list[str]:
    """The words of a text that `penstock approve` would take, as a reader sees or copies them."""
    found = []
    for word in re.findall(r"[\w:]{64,}", re.sub("&#8203;|\u200b", "", text)):
        try:
            require_digest(word)
        except SettingsInvalid:
            continue
        found.append(word)
    return found


def test_a_saved_plan_is_posted_without_git_store_and_organisation(
    reviewed: Reviewed, plan: Path, tmp_path: Path
) -> None:
    done = reviewed.shell.run("plan", "--base", "origin/main", "--diff", "--out", str(plan), "--format", "github")
    assert done.returncode == 0, done.stderr
    shown = reviewed.shell.run("plan", "--base", "origin/main", "--diff", "--format", "markdown").stdout
    digest = json.loads(plan.read_text())["digest"]
    leave_only_the_forge(reviewed, tmp_path)

    told = reviewed.shell.run_as_process("comment", "--plan", str(plan)).stdout
    reviewed.github.calls.clear()
    again = reviewed.comment("--plan", str(plan))

    assert told == "commented on pull request 1 of voice/flows\n"
    assert again == "the comment already says this on pull request 1 of voice/flows\n"
    assert [call.method for call in reviewed.github.calls] == ["GET"]
    posted = reviewed.body.partition("\n")[2]
    assert set(shown.splitlines()) - set(posted.splitlines()) == {shown.splitlines()[-1]}
    assert digest in shown
    assert digest not in posted
    assert "This plan comes from a file that was not checked. It cannot be approved." in posted
    assert "**Differences**" in posted
    [status] = reviewed.repository.statuses
    assert (status.context, status.state, status.sha) == ("penstock/saved-plan", "success", reviewed.pull.sha)
    assert status.description.startswith("not checked: 1 to create, compared with origin/main")


@pytest.mark.parametrize(
    "text",
    [
        plans.HOSTILE,
        f"{MARKER} --> {MARKER}\n{MARKER}",
        f"`penstock approve {DIGEST}` {DIGEST.upper()} {DIGEST}",
        "\x00\x1b[31m\u202e\u2066\ufeff\x85\u2028",
        "/approve\n/merge\n@team </details></table><script>alert(1)</script>",
    ],
    ids=["markup", "markers", "digests", "controls", "commands"],
)
def test_texts_of_a_hostile_plan_are_text(reviewed: Reviewed, plan: Path, tmp_path: Path, text: str) -> None:
    plan.write_text(json.dumps(hostile(text)))
    leave_only_the_forge(reviewed, tmp_path)

    reviewed.comment("--plan", str(plan), code=3)

    first, _, rest = reviewed.body.partition("\n")
    assert re.fullmatch(rf"<!-- penstock:saved \* head={reviewed.pull.sha} text=[0-9a-f]{{32}} -->", first)
    assert live_markup(rest) == []
    assert "<!--" not in rest
    assert approvable(rest) == []
    [status] = reviewed.repository.statuses
    assert (status.context, status.sha) == ("penstock/saved-plan", reviewed.pull.sha)
    assert status.description.startswith("not checked: ")
    assert status.description.isprintable()
    assert approvable(status.description) == []


def test_it_never_takes_the_place_of_a_plan_that_was_checked(reviewed: Reviewed, plan: Path, tmp_path: Path) -> None:
    reviewed.comment()
    checked = reviewed.body
    plan.write_text(saved_plan_json([plans.nothing()]))
    leave_only_the_forge(reviewed, tmp_path)

    reviewed.comment("--plan", str(plan), "--always")

    first, second = reviewed.pull.comments
    assert (first.body, second.body == checked) == (checked, False)
    assert {each.context: each.state for each in reviewed.repository.statuses} == {
        "penstock/plan": "success",
        "penstock/saved-plan": "success",
    }


def _many() -> str:
    document = json.loads(saved_plan_json([plans.created()]))
    [organization] = document["organizations"]
    [change] = organization["changes"]
    organization["changes"] = [{**change, "flow": f"{number}"} for number in range(100_000)]
    return json.dumps(document, separators=(",", ":"))


UNREADABLE: dict[str, tuple[Callable[[], str], str]] = {
    "no file": (lambda: "", "cannot be read: No such file or directory"),
    "nothing": (lambda: " ", f"{WRONG}: Invalid JSON"),
    "deep": (lambda: "[" * 200_000, f"{WRONG}: it is nested more than 32 levels deep"),
    "another document": (lambda: '{"schema": "penstock.status/v1"}', f"{WRONG}: schema: this is penstock.status/v1"),
    "a wrong type": (
        lambda: saved_plan_json([plans.created()]).replace('"wave": 1', '"wave": "1"'),
        rf"{WRONG}: organizations\[0\].changes\[0\].wave: Input should be a valid integer",
    ),
    "a digest for a type": (
        lambda: saved_plan_json([plans.created()]).replace('"digest": "sha256:', '"digest": "penstock approve sha256:'),
        f"{WRONG}: digest: penstock approve sha256:[0-9a-f]{{8}}…",
    ),
    "100,000 changes": (_many, f"{WRONG}: it "),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_plan_is_told_and_ends_with_1(reviewed: Reviewed, plan: Path, tmp_path: Path, name: str) -> None:
    make, told = UNREADABLE[name]
    if content := make():
        plan.write_text(content)
    leave_only_the_forge(reviewed, tmp_path)

    done = reviewed.shell.run("comment", "--plan", str(plan))

    assert done.returncode == 1
    assert re.search(told, done.stderr), done.stderr
    assert "[plan-unreadable]" in done.stderr
    rest = reviewed.body.partition("\n")[2]
    assert "There is no plan" in rest
    assert live_markup(rest) == []
    assert approvable(rest) == []
    [status] = reviewed.repository.statuses
    assert (status.context, status.state) == ("penstock/saved-plan", "error")


def test_of_300_megabytes_no_more_is_read_than_a_plan_may_have(reviewed: Reviewed, plan: Path, tmp_path: Path) -> None:
    with plan.open("wb") as file:
        file.truncate(300 * 1024**2)
    leave_only_the_forge(reviewed, tmp_path)

    done = reviewed.shell.run("comment", "--plan", str(plan), "--no-status")

    assert done.returncode == 1
    assert "it is longer than 16,777,216 bytes" in done.stderr


def test_the_options_choose_organisations_and_leave_out_differences(
    reviewed: Reviewed, plan: Path, tmp_path: Path
) -> None:
    document: Any = hostile("")
    plan.write_text(json.dumps(document))
    first, second, _ = (each["name"] for each in document["organizations"])
    leave_only_the_forge(reviewed, tmp_path)

    reviewed.comment("--plan", str(plan), "--organization", first, "--no-diff", "--detailed-exitcode", code=2)
    missing = reviewed.shell.run("comment", "--plan", str(plan), "--organization", "other", "--no-status")

    body = reviewed.pull.comments[0].body
    assert f"<b>{first.strip()}" in body
    assert f"<b>{second.strip()}" not in body
    assert "**Differences**" not in body
    assert (missing.returncode, "holds no plan for other" in missing.stderr) == (1, True)


def test_the_call_of_the_example_posts_the_plan(reviewed: Reviewed, plan: Path, tmp_path: Path) -> None:
    """In a run that GitHub starts after another one: its event names no pull request."""
    plan.write_text(saved_plan_json([plans.created()]))
    (tmp_path / "event.json").write_text("{}")
    leave_only_the_forge(reviewed, tmp_path)
    variables = {"RUNNER_TEMP": "there", "NUMBER": "1", "HEAD_SHA": reviewed.pull.sha}
    text = EXAMPLE.read_text(encoding="utf-8").replace("\\\n", " ")
    [line] = re.findall(r"^ +penstock (comment .*)$", text, re.MULTILINE)
    words = [Template(word).substitute(reviewed.shell.environment | variables) for word in shlex.split(line)]
    (tmp_path / "empty" / "there" / "plan").mkdir(parents=True)
    plan.rename(tmp_path / "empty" / "there" / "plan" / "plan.json")

    done = reviewed.shell.run(*words)

    assert (done.returncode, done.stdout) == (0, "commented on pull request 1 of voice/flows\n"), done.stderr
    assert [each.sha for each in reviewed.repository.statuses] == [reviewed.pull.sha]


@pytest.mark.parametrize("arguments", [("--base", "origin/main"), ("elsewhere",)])
def test_what_only_a_new_plan_needs_does_not_go_with_a_saved_one(
    reviewed: Reviewed, plan: Path, arguments: tuple[str, ...]
) -> None:
    done = reviewed.shell.run("comment", "--plan", str(plan), *arguments)

    assert done.returncode == 1
    assert "leave out FOLDER and --base" in done.stderr
    assert reviewed.github.calls == []
