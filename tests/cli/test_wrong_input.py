"""What goes wrong on a newcomer's machine ends with a message and an exit code, never with a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controller.cli import exit_codes
from tests.support.commands import run
from tests.support.inside import InsideShell
from tests.support.shell import Shell, simulator_thread


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with simulator_thread() as url:
        yield InsideShell(tmp_path_factory.mktemp("wrong"), url)


@pytest.mark.parametrize(
    ("arguments", "message", "page"),
    [
        (("plan", "--format", "yaml"), "'--format' / '-f': 'yaml' is not one of 'text'", "penstock plan --help"),
        (("plan", "--nosuch"), "No such option: --nosuch", "penstock plan --help"),
        (("nosuch",), "No such command 'nosuch'", "penstock --help"),
        (("rollback",), "Missing argument 'flow'", "penstock rollback --help"),
        (("simulator", "--port", "99999"), "'--port': Input should be less than or equal", "penstock simulator --help"),
        (("simulator", "--load", "nowhere"), "'--load'", "penstock simulator --help"),
        (("--log-level", "loud", "validate"), "--log-level: 'loud' is none of debug", "penstock --help"),
    ],
)
def test_a_wrong_command_line_names_the_option_and_the_page(
    shell: Shell, arguments: tuple[str, ...], message: str, page: str
) -> None:
    done = shell.run(*arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert f"see {page}" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("digest", ["bogus", "", "sha256:abc"])
def test_what_is_no_digest_is_approved_neither_before_nor_with_the_delivery(shell: Shell, digest: str) -> None:
    before, along = shell.run("approve", digest), shell.run("apply", "--approve", digest)

    assert along.returncode == 1
    assert along.stderr == before.stderr
    assert f"{digest!r} is not the digest of a plan" in along.stderr


def test_a_program_gets_a_wrong_command_line_as_a_document(shell: Shell) -> None:
    done = shell.run("plan", "--nosuch", "--format", "json")

    assert json.loads(done.stdout)["code"] == "settings-invalid"
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "status", "preflight"])
def test_a_folder_without_an_organisation_is_a_mistake(shell: Shell, tmp_path: Path, command: str) -> None:
    done = shell.run(command, str(tmp_path))

    assert done.returncode == 1
    assert "there is no Organization manifest in this folder or below it" in done.stdout + done.stderr


def test_a_plan_that_cannot_be_written_is_told(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("plan", "--out", str(tmp_path / "missing" / "plan.json"))

    assert done.returncode == 1
    assert "plan.json: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_organisation_that_fails_does_not_hide_the_other(shell: Shell, tmp_path: Path) -> None:
    """Each error names its organisation; plan and status still show the organisation that answers."""
    _with_a_second_organisation_that_fails(shell, tmp_path)

    plan = shell.run("plan", str(tmp_path))
    status = shell.run("status", str(tmp_path))
    document = shell.run("status", str(tmp_path), "--format", "json")
    apply = shell.run("apply", str(tmp_path), "--format", "json", "--allow-dirty")

    assert (plan.returncode, status.returncode, document.returncode, apply.returncode) == (1, 1, 1, 1)
    assert "acme: 2 to create" in plan.stdout
    assert "penstock: down: " in plan.stderr
    assert "penstock: down: " in status.stderr
    assert "down: Unknown, Unknown" in status.stdout
    acme, down = json.loads(document.stdout)["organizations"]
    assert (acme["sync"], acme["error"]) == ("OutOfSync", None)
    assert (down["sync"], down["error"]["code"], down["error"]["organization"]) == (
        "Unknown",
        "settings-invalid",
        "down",
    )
    outcomes = [each["outcome"] for each in json.loads(apply.stdout)["organizations"]]
    assert outcomes == ["succeeded", "error"]


def test_a_plan_for_programs_is_whole_or_an_error(shell: Shell, tmp_path: Path) -> None:
    _with_a_second_organisation_that_fails(shell, tmp_path)

    done = shell.run("plan", str(tmp_path), "--format", "json", "--out", str(tmp_path / "plan.json"))

    document = json.loads(done.stdout)
    assert (document["schema"], document["organization"]) == ("penstock.error/v1", "down")
    assert not (tmp_path / "plan.json").exists()


def test_missing_credentials_are_a_check_that_failed(shell: Shell, tmp_path: Path) -> None:
    _with_a_second_organisation_that_fails(shell, tmp_path)

    done = shell.run("preflight", str(tmp_path))

    assert done.returncode == 1
    assert "acme (architect): ready" in done.stdout
    assert "the environment variable ACME_NOT_SET is not set" in done.stdout


def test_no_line_of_a_table_ends_in_blanks(shell: Shell) -> None:
    lines = (shell.run("status").stdout + shell.run("preflight").stdout).splitlines()

    assert [line for line in lines if line != line.rstrip()] == []


def test_markers_of_a_merge_conflict_are_called_so(shell: Shell, tmp_path: Path) -> None:
    shutil.copytree(shell.folder, tmp_path / "merged", ignore=shutil.ignore_patterns(".git"))
    manifest = tmp_path / "merged" / "front.yaml"
    manifest.write_text(f"{manifest.read_text()}<<<<<<< HEAD\n# ours\n=======\n# theirs\n>>>>>>> other\n")
    flow = tmp_path / "merged" / "hours.flow.yaml"
    flow.write_text(f"<<<<<<< HEAD\n{flow.read_text()}=======\n>>>>>>> other\n")

    done = shell.run("validate", str(tmp_path / "merged"))

    assert done.returncode == 1
    assert done.stdout.count("marker of a merge conflict") == 2


def test_a_port_that_is_taken_is_one_message(shell: Shell) -> None:
    done = shell.run("simulator", "--port", shell.url.rpartition(":")[2])

    assert done.returncode == 1
    assert done.stderr.startswith("penstock: cannot listen on 127.0.0.1:")
    assert "address already in use" in done.stderr


def test_a_state_file_in_a_missing_folder_is_refused_before_serving(shell: Shell, tmp_path: Path) -> None:
    done = run("simulator", "--state", str(tmp_path / "missing" / "state.json"), strict=False, timeout=120)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "state.json" in done.stderr
    assert "Traceback" not in done.stderr


def _with_a_second_organisation_that_fails(shell: Shell, folder: Path) -> None:
    """A copy of the shell's organisation without git, and one whose client is not in the environment."""
    shutil.copytree(shell.folder, folder / "acme", ignore=shutil.ignore_patterns(".git", "artifacts"))
    shutil.copytree(folder / "acme", folder / "down")
    manifest = yaml.safe_load((folder / "down" / "organization.yaml").read_text())
    manifest["metadata"]["name"] = "down"
    manifest["spec"]["credentials"]["clientId"]["env"] = "ACME_NOT_SET"
    (folder / "down" / "organization.yaml").write_text(yaml.safe_dump(manifest))


@pytest.mark.parametrize(("codes", "all_of_them"), [((), 0), ((0, 0), 0), ((0, 3), 3), ((3, 1), 1), ((1, 0), 1)])
def test_of_several_organisations_an_error_counts_more_than_a_refusal(codes: tuple[int, ...], all_of_them: int) -> None:
    assert exit_codes.of_all(codes) == all_of_them
