"""`penstock import`: flows that exist already come under git, and nothing is published for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from controller.domain.identity import FlowKey
from controller.manifests.flow import free_name
from tests.support.inside import InsideShell
from tests.support.kept import Kept, begun
from tests.support.sources import inbound, module

ODD = 'Zürich | "Desk" [1] 📞 '


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Two managed flows, and three that only the organisation knows."""
    with begun(tmp_path_factory.mktemp("kept")) as (made, simulator):
        assert made.run("apply").returncode == 0
        for text in (inbound(ODD), module("Front"), inbound("Night Line", calls=["Front"])):
            httpx.post(f"{made.url}/_simulator/flows", json={"text": text, "by": "Ada"}).raise_for_status()
        yield Kept(made, simulator)


def publishes(shell: InsideShell) -> int:
    flows = httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]
    return sum(entry["action"] == "publish" for flow in flows for entry in flow["history"])


def test_what_is_imported_is_adopted_and_nothing_is_published_for_it(shell: InsideShell) -> None:
    before = publishes(shell)

    done = shell.run_as_process("import")

    assert done.returncode == 0, done.stderr
    assert "3 flows written to" in done.stdout
    shell.commit()
    (organization,) = shell.json("plan")["organizations"]
    assert {(each["name"], each["change"], each["blocked"]) for each in organization["changes"]} == {
        (ODD, "adopt", None),
        ("Front", "adopt", None),
        ("Night Line", "adopt", None),
    }
    assert shell.run("apply").returncode == 0
    assert publishes(shell) == before
    assert shell.json("plan")["organizations"][0]["changes"] == []
    assert "every published flow of" in shell.run("import").stdout


def test_flows_are_chosen_by_name_and_pattern_and_the_manifest_keeps_every_letter_of_the_name(
    shell: InsideShell,
) -> None:
    (flow,) = shell.json("import", ODD)["flows"]

    manifest = yaml.safe_load((shell.folder / flow["manifest"]).read_text("utf-8"))
    assert manifest["spec"]["name"] == ODD
    assert flow["flow"] == "zurich-desk-1"
    assert (shell.folder / flow["source"]).is_file()
    named = [each["name"] for each in shell.json("import", "inboundcall/N*", "--dry-run")["flows"]]
    assert named == ["Night Line"]
    assert not (shell.folder / "night-line.yaml").exists()


def test_a_name_that_no_unmanaged_flow_has_is_an_error_with_a_near_miss(shell: InsideShell) -> None:
    done = shell.run("import", "Nigth Line")

    assert done.returncode == 1
    assert "did you mean 'Night Line'?" in done.stderr


def test_a_file_that_is_there_is_never_written_over_and_nothing_is_left_behind(shell: InsideShell) -> None:
    (shell.folder / "night-line.yaml").write_text("# mine\n")

    done = shell.run("import")

    assert done.returncode == 1
    assert "night-line.yaml" in done.stderr
    assert (shell.folder / "night-line.yaml").read_text() == "# mine\n"
    assert shell.git("status", "--porcelain").split() == ["??", "night-line.yaml"]


def test_a_folder_whose_manifests_are_not_the_organisations_is_refused_and_left_as_it_was(
    shell: InsideShell, tmp_path: Path
) -> None:
    done = shell.run("import", "--into", str(tmp_path / "elsewhere"))

    assert done.returncode == 1
    assert "import into the folder of its Organization manifest" in done.stderr
    assert [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()] == []


def test_a_flow_that_cannot_be_a_file_is_told_and_the_others_are_written(shell: InsideShell) -> None:
    fault = {"name": "unreadable", "kind": "job-fails", "match": {"flow": "Night Line"}}
    httpx.post(f"{shell.url}/_simulator/faults", json=fault).raise_for_status()

    named = shell.run("import", "Night Line")
    everything = shell.run("import")

    assert '! inboundcall "Night Line": version 1.0 cannot be a flow file' in everything.stdout
    assert "2 flows written to" in everything.stdout
    assert (everything.returncode, named.returncode) == (0, 1)
    assert not (shell.folder / "night-line.yaml").exists()


def test_text_with_braces_of_its_own_is_imported_and_delivered(shell: InsideShell) -> None:
    """A message template's `{{1}}` is text of the flow: it is no placeholder that wants a value."""
    text = inbound("Letter").replace("\n  startUpRef", "\n  description: Dear {{1}}, {{ your name }}\n  startUpRef", 1)
    httpx.post(f"{shell.url}/_simulator/flows", json={"text": text, "by": "Ada"}).raise_for_status()

    (flow,) = shell.json("import", "Letter")["flows"]
    shell.commit()

    (change,) = shell.json("plan")["organizations"][0]["changes"]
    assert change["change"] == "adopt"
    source = shell.folder / flow["source"]
    source.write_text(source.read_text("utf-8").replace("Dear", "Hello"), "utf-8")
    shell.commit()
    assert shell.run("apply").returncode == 0
    exported = httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]
    assert any(each["name"] == "Letter" and each["published_version"] == "2.0" for each in exported)


def test_where_there_are_no_files_versions_are_pinned(shell: InsideShell) -> None:
    for path in [*shell.folder.glob("front*"), *shell.folder.glob("hours*")]:
        path.unlink()
    organization = shell.folder / "organization.yaml"
    document = yaml.safe_load(organization.read_text())
    document["spec"]["api"] = "versioned"
    organization.write_text(yaml.safe_dump(document))

    (flow,) = shell.json("import", "Night Line")["flows"]

    assert (flow["source"], flow["version"]) == (None, "1.0")
    manifest = yaml.safe_load((shell.folder / flow["manifest"]).read_text("utf-8"))
    assert manifest["spec"]["source"] == {"version": "1.0"}
    shell.commit()
    (change,) = shell.json("plan")["organizations"][0]["changes"]
    assert change["change"] == "adopt"


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("Main IVR", (), "main-ivr"),
        ("Main IVR", ("main-ivr",), "main-ivr-inboundcall"),
        ("Main IVR", ("main-ivr", "main-ivr-inboundcall"), "main-ivr-2"),
        ("Main IVR", ("main-ivr", "main-ivr-inboundcall", "main-ivr-2"), "main-ivr-3"),
        ("電話", (), "inboundcall"),
        ("x" * 100, (), "x" * 63),
        ("x" * 100, ("x" * 63,), "x" * 55 + "-2"),
        ("x" * 62 + " y", (), "x" * 62),
    ],
)
def test_a_manifest_gets_a_name_that_is_allowed_and_free(name: str, taken: tuple[str, ...], expected: str) -> None:
    assert free_name(FlowKey("inboundcall", name), taken) == expected


def test_an_export_that_fails_once_without_a_reason_is_made_again(shell: InsideShell) -> None:
    fault = {"name": "silent", "kind": "job-fails", "message": "", "times": 1}
    fault["match"] = {"route": "/api/v2/flows/export/jobs"}
    httpx.post(f"{shell.url}/_simulator/faults", json=fault).raise_for_status()

    (flow,) = shell.json("import", "Night Line")["flows"]

    assert flow["skipped"] is None
    assert (shell.folder / flow["source"]).is_file()
