"""`validate` and `plan` annotate a pull request: each finding at its file, line and column, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from controller.cli.annotations import Annotation, Level, annotation, github_commands, gitlab_report
from controller.domain.desired import Origin
from controller.domain.redaction import SECRETS
from tests.support import node
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module

HOSTILE = "a%0A::error::x\r\n::add-mask::y,title=z:: \x1b[31m##[stop-commands]pause \u2028 %25 , : 😀"
CODE_QUALITY = {
    # https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/)"},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer"}}},
                },
            },
        },
    },
}


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands as a runner reads them: name, properties and message. Each line is one."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text.removesuffix("\n")):
        match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        assert match, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {name: _read(value) for name, value in pairs}, _read(match[3])))
    return found


def _read(value: str) -> str:
    for escaped, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(escaped, char)
    return value


def issues(text: str) -> list[dict]:
    found = json.loads(text)
    jsonschema.validate(found, CODE_QUALITY)
    return found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulator_thread() as found:
        yield found


@pytest.fixture
def shell(url: str, tmp_path: Path) -> InsideShell:
    return InsideShell(tmp_path, url)


def test_mistakes_are_errors_at_their_place(shell: InsideShell) -> None:
    (shell.folder / "hours.yaml").write_text(
        "apiVersion: penstock/v1\nkind: Flow\nmetadata:\n  name: hours\nspec:\n  sorce: {file: hours.flow.yaml}\n"
    )

    github = shell.run("validate", "--format", "github")
    gitlab = shell.run("validate", "--format", "gitlab")

    assert (github.returncode, gitlab.returncode) == (1, 1)
    assert (github.stderr, gitlab.stderr) == ("", "")
    (name, place, message), *_ = [each for each in commands(github.stdout) if "sorce" in each[2]]
    assert (name, place) == ("error", {"title": "manifest-invalid", "file": "hours.yaml", "line": "6", "col": "3"})
    assert "source" in message, "the suggestion is in the message"
    (issue,) = [each for each in issues(gitlab.stdout) if "sorce" in each["description"]]
    assert issue["location"] == {"path": "hours.yaml", "lines": {"begin": 6}}
    assert (issue["check_name"], issue["severity"]) == ("manifest-invalid", "major")


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize("inside", [True, False], ids=["in-the-folder", "from-the-top"])
def test_paths_are_those_of_the_repository_wherever_the_command_runs(
    shell: InsideShell, command: str, inside: bool
) -> None:
    folder = shell.folder / "voice" / "ivr"
    folder.mkdir(parents=True)
    for path in shell.folder.glob("*.yaml"):
        path.rename(folder / path.name)
    (folder / "front.yaml").write_text("apiVersion: penstock/v1\nkind: Flwo\n")
    shell.commit()
    top = shell.folder
    if inside:
        shell.folder = folder
    try:
        done = shell.run(command, *(() if inside else ("voice/ivr",)), "--format", "github")
        report = shell.run(command, *(() if inside else ("voice/ivr",)), "--format", "gitlab")
    finally:
        shell.folder = top

    assert done.returncode == report.returncode == 1
    assert {place["file"] for _, place, _ in commands(done.stdout)} == {"voice/ivr/front.yaml"}
    assert {each["location"]["path"] for each in issues(report.stdout)} == {"voice/ivr/front.yaml"}


def test_a_repository_without_a_mistake_has_notices_at_most(shell: InsideShell) -> None:
    assert shell.run("validate", "--format", "github").stdout == ""
    assert shell.run("validate", "--format", "gitlab").stdout == "[]\n"
    (shell.folder / "spare.flow.yaml").write_text(module("Spare"))

    done = shell.run("validate", "--format", "github")

    assert (done.returncode, done.stderr) == (0, "")
    assert [(name, place["file"]) for name, place, _ in commands(done.stdout)] == [("notice", "spare.flow.yaml")]


def test_a_block_is_an_error_at_the_manifest_of_its_flow(shell: InsideShell) -> None:
    shell.flow("front", inbound("Front", calls=["Nowhere"]))
    shell.commit()

    done = shell.run("plan", "--format", "github", "--out", "plan.json")
    report = shell.run("plan", "--format", "gitlab")

    blocked = [each for each in commands(done.stdout) if each[1]["title"] == "missing-dependency"]
    assert [(name, place["file"], place["line"]) for name, place, _ in blocked] == [("error", "front.yaml", "1")]
    assert "Nowhere" in blocked[0][2]
    assert done.returncode == 3
    assert json.loads((shell.folder / "plan.json").read_text())["schema"] == "penstock.plan/v1"
    found = [each for each in issues(report.stdout) if each["check_name"] == "missing-dependency"]
    assert [each["location"]["path"] for each in found] == ["front.yaml"]


def test_what_only_waits_is_a_warning(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours", says="Changed"))

    done = shell.run("plan", "--format", "github")

    assert ("warning", "dirty-tree", "organization.yaml") in [
        (name, place["title"], place["file"]) for name, place, _ in commands(done.stdout)
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_against_a_base_only_findings_of_the_branch_are_told(shell: InsideShell) -> None:
    top, shell.folder = shell.folder, shell.folder / "voice"
    shell.folder.mkdir()
    for path in top.glob("*.yaml"):
        path.rename(shell.folder / path.name)
    shell.flow("old", inbound("Old", calls=["Missing before"]))
    organization = (shell.folder / "organization.yaml").read_text()
    shell.folder = top
    shell.commit()
    shell.git("checkout", "--quiet", "-b", "topic")
    (top / "voice" / "front.flow.yaml").write_text(inbound("Front", calls=["Nowhere"]))
    (top / "second").mkdir()
    (top / "second" / "organization.yaml").write_text(organization.replace("name: acme", "name: added"))
    shell.commit()

    done = shell.run("plan", "--base", "main", "--format", "github")

    assert done.returncode == 3
    assert [(name, place["title"], place["file"]) for name, place, _ in commands(done.stdout)] == [
        ("notice", "not-planned", "second/organization.yaml"),
        ("error", "missing-dependency", "voice/front.yaml"),
    ]


def test_an_organisation_that_cannot_be_read_is_an_error_at_its_manifest(shell: InsideShell) -> None:
    shell.environment["ACME_SECRET"] = "wrong"

    done = shell.run("plan", "--format", "github")

    assert done.returncode == 1
    assert done.stderr == "", "a runner reads commands from there, too"
    ((name, place, message),) = commands(done.stdout)
    assert (name, place["file"], place["line"]) == ("error", "organization.yaml", "1")
    assert message.startswith("acme: ")


@pytest.mark.parametrize("part", ["file", "code", "message"])
def test_no_name_ends_a_command_or_begins_another(part: str) -> None:
    given = {"file": "a.yaml", "code": "flow-file-invalid", "message": "wrong"} | {part: HOSTILE}
    text = github_commands([Annotation(Level.ERROR, Origin(given["file"], 3, 4), given["code"], given["message"])])

    ((name, place, message),) = commands(text)

    assert name == "error"
    assert place.keys() == {"title", "file", "line", "col"}
    assert (place["line"], place["col"]) == ("3", "4")
    if part == "message":
        assert message == HOSTILE
    assert text.count("\n") == 1


def test_hostile_names_of_a_repository_stay_inside_their_command(shell: InsideShell) -> None:
    name = "x\n::stop-commands::y"
    (shell.folder / "bad.yaml").write_text(
        json.dumps({"apiVersion": "penstock/v1", "kind": "Flow", "metadata": {"name": name}, "spec": {name: 1}})
    )
    (shell.folder / "::error::z,line=9.yaml").write_text("kind: Flow\napiVersion: penstock/v1\n")

    found = commands(shell.run("validate", "--format", "github").stdout)

    assert {name for name, _, _ in found} == {"error"}
    assert "::error::z,line=9.yaml" in {place["file"] for _, place, _ in found}


def test_the_commands_are_those_that_githubs_own_toolkit_prints(tmp_path: Path) -> None:
    program = tmp_path / "print.js"
    program.write_text(
        "const {issueCommand} = require(process.argv[2] + '/node_modules/@actions/core/lib/command.js');"
        "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "let text = ''; const write = process.stdout.write;"
        "process.stdout.write = part => { text += part; return true; };"
        "for (const each of given) issueCommand(each.name, each.place, each.message);"
        "process.stdout.write = write; console.log(JSON.stringify(text));"
    )
    texts = ["plain", "100 %", "two\nlines", "a:b,c", "::error::", "cr\r", "%0A", "é 😀"]
    given = [Annotation(level, Origin(f"{text}.yaml", 3, 7), text, text) for level in Level for text in texts]
    asked = [
        {
            "name": each.level.value,
            "place": {"title": each.code, "file": each.origin.file, "line": 3, "col": 7},
            "message": each.message,
        }
        for each in given
        if each.origin.file.isprintable()
    ]
    printed = node.run(program, str(node.installed("@actions/core@1.11.1")), home=tmp_path, given=json.dumps(asked))

    assert github_commands(each for each in given if each.origin.file.isprintable()) == printed


def test_a_secret_in_a_message_is_masked_before_it_is_escaped() -> None:
    SECRETS.register("50%:off,secret")
    try:
        text = github_commands([annotation(Level.ERROR, Origin("a.yaml"), "code", "it is 50%:off,secret")])
    finally:
        SECRETS.forget("50%:off,secret")

    assert "secret" not in text
    assert "***" in text


def test_a_fingerprint_stays_when_lines_move_and_differs_between_equal_findings() -> None:
    def report(*lines: int) -> list[str]:
        found = [Annotation(Level.ERROR, Origin("a.yaml", line), "code", "the same") for line in lines]
        return [each["fingerprint"] for each in issues(gitlab_report(found))]

    assert report(3) == report(300)
    assert len(set(report(3, 9))) == 2
    assert report(3, 9)[0] == report(3)[0]
