"""The files of examples/ci are valid by the forges' own schemas, safe for forks, and use commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli.commands import COMMANDS, Commands
from tests.deploy.schemas import checked
from tests.support.inside import InsideShell

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
WORKFLOWS = sorted([*(CI / "github" / "workflows").glob("*.yml"), CI / "gitea" / "penstock.yml"])
ACTION = CI / "github" / "action" / "action.yml"
GITLAB = CI / "gitlab" / ".gitlab-ci.yml"
JENKINS = CI / "jenkins" / "Jenkinsfile"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
FILES = [*WORKFLOWS, ACTION, GITLAB, JENKINS]
SCHEMAS: list[tuple[str, Path]] = [
    *(("vendor.github-workflows", path) for path in WORKFLOWS),
    ("vendor.github-actions", ACTION),
    ("vendor.gitlab-ci", GITLAB),
]
CALLS = {
    "penstock-validate.yml": [],
    "penstock-plan.yml": ["plan"],
    "penstock-comment.yml": ["comment"],
    "penstock.yml": ["validate", "comment"],
    "action.yml": ["validate"],
    ".gitlab-ci.yml": ["validate", "plan", "comment"],
    "Jenkinsfile": ["validate", "comment"],
}


def loaded(path: Path) -> Any:
    """The file as YAML; the key `on` stays a word."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts only


def jobs(path: Path) -> dict[str, Any]:
    return dict(loaded(path)["jobs"])


def steps(path: Path) -> list[dict[str, Any]]:
    if path == ACTION:
        return list(loaded(path)["runs"]["steps"])
    return [step for job in jobs(path).values() for step in job["steps"]]


def penstock_calls(path: Path) -> list[list[str]]:
    """Each call of Penstock in a file, as words up to the end of the command."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^[^#\n]*?((?:\.venv/bin/)?penstock (?:validate|plan|comment)\b.*)$", text, re.MULTILINE)
    ends = re.compile(r" (?:\|\||>|;|#)|'$")
    return [shlex.split(ends.split(line)[0])[1:] for line in lines]


@pytest.mark.parametrize(("schema", "path"), SCHEMAS, ids=lambda each: getattr(each, "name", str(each)))
def test_a_file_is_valid_by_the_schema_of_its_forge(schema: str, path: Path) -> None:
    done = checked(schema, path)

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-workflows", "on: pull_request\njobs: {plan: {steps: []}}\n"),
        ("vendor.github-actions", "name: x\nruns: {using: composite}\n"),
        ("vendor.gitlab-ci", "plan: {script: 3}\n"),
    ],
)
def test_the_schemas_refuse_what_is_wrong(schema: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text(text)

    assert checked(schema, tmp_path / "wrong.yml").exit_code == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_commands_and_options_are_those_of_penstock(path: Path) -> None:
    calls = penstock_calls(path)

    assert [name for name, *_ in calls] == CALLS[path.name]
    for name, *words in calls:
        if name in COMMANDS:
            command: Any = Commands().load(name)
            known = {option for each in command.params for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= known, (path.name, name)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_actions_are_pinned_and_scripts_hold_no_expression(path: Path) -> None:
    for step in steps(path):
        if "uses" in step and not step["uses"].startswith("./"):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", ""), "an expression in a script is code of whoever chose its value"


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path.parent.name == "workflows"], ids=lambda p: p.name)
def test_every_job_says_which_permissions_it_needs(path: Path) -> None:
    assert loaded(path)["permissions"] == {}
    for job in jobs(path).values():
        writes = {name for name, level in job["permissions"].items() if level == "write"}
        assert writes == ({"pull-requests", "statuses"} if "workflow_run" in loaded(path)["on"] else set())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_that_may_write_runs_nothing_of_a_pull_request(path: Path) -> None:
    events = set(loaded(path)["on"])

    assert "pull_request_target" not in events
    if "workflow_run" in events:
        used = [step.get("uses", "") for step in steps(path)]
        assert not [each for each in used if each.startswith(("actions/checkout", "./"))]
        assert "inputs" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_secrets_go_to_branches_of_the_repository_only(path: Path) -> None:
    for job in jobs(path).values():
        if "secrets." in str(job):
            assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    if path.name == "penstock-plan.yml":
        assert any("secrets." in str(job) for job in jobs(path).values())


def test_gitlab_plans_no_merge_request_of_a_fork() -> None:
    rules = loaded(GITLAB)["plan"]["rules"]

    assert all("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"] for rule in rules)


def test_a_saved_plan_is_kept_and_posted_where_the_plan_has_a_block() -> None:
    """Plans with a block end with 3."""
    (upload,) = [
        each for each in steps(CI / "github" / "workflows" / "penstock-plan.yml") if "path" in each.get("with", {})
    ]
    assert upload["if"] == "${{ !cancelled() }}"
    assert loaded(GITLAB)["plan"]["artifacts"]["when"] == "always"


def test_only_a_saved_plan_is_posted_by_a_job_that_did_not_make_it() -> None:
    """Where one job plans and posts, the comment has a digest to approve."""
    for path in (JENKINS, CI / "gitea" / "penstock.yml"):
        [comment] = [words for words in penstock_calls(path) if words[0] == "comment"]
        assert "--base" in comment
        assert "--plan" not in comment


def test_the_hook_that_teams_name_is_the_one_that_this_repository_offers() -> None:
    (hook,) = loaded(HOOKS)
    ((named,),) = [each["hooks"] for each in loaded(CI / "pre-commit" / ".pre-commit-config.yaml")["repos"]]

    assert named["id"] == hook["id"]
    assert {"id", "name", "entry", "language"} <= hook.keys(), "those that pre-commit requires"
    assert (hook["language"], hook["pass_filenames"]) == ("python", "false")
    assert re.search(hook["files"], "voice/front.yaml")


def test_the_hook_finds_a_mistake(tmp_path: Path) -> None:
    (hook,) = loaded(HOOKS)
    shell = InsideShell(tmp_path, "https://api.example.com")
    shell.environment["PENSTOCK_ORGANIZATION_HOSTS"] = "api.example.com"
    program, *words = shlex.split(hook["entry"])

    right = shell.run(*words)
    (shell.folder / "front.yaml").write_text("kind: Flow\n")
    wrong = shell.run(*words)

    assert program == "penstock"
    assert (right.returncode, wrong.returncode) == (0, 1)
    assert "front.yaml:1:1" in wrong.stdout


def test_each_file_is_explained() -> None:
    page = (CI / "README.md").read_text(encoding="utf-8")

    for path in [*FILES, CI / "pre-commit" / ".pre-commit-config.yaml"]:
        assert f"({path.relative_to(CI)})" in page
    for section in re.split(r"^##+ .*\n", page, flags=re.MULTILINE)[2:]:
        lines = [line for line in section.splitlines() if line.startswith("- ")]
        assert len(lines) == 5 or not section.strip()
