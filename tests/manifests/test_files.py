"""Which files are read: every manifest of the repository, nothing outside of it, and never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from tests.manifests.repository import flow, load, mistakes, organization, write


def ids(root: Path) -> list[str]:
    return [flow.id for organization in load(root).organizations for flow in organization.flows]


@pytest.mark.parametrize(
    "place",
    [".git/f.yaml", ".hidden/f.yaml", ".f.yaml", "node_modules/x/f.yaml", ".venv/f.yaml", "f.yaml.txt", "f.json"],
)
def test_a_file_in_a_hidden_or_foreign_place_is_left_alone(place: str, tmp_path: Path) -> None:
    assert ids(write(tmp_path, {"o.yaml": organization(), place: "apiVersion: penstock/v1\nkind: Flow\n"})) == []


def test_folders_that_the_controller_or_python_wrote_are_left_alone(tmp_path: Path) -> None:
    broken = "apiVersion: penstock/v1\nkind: Flow\n"
    files = {
        "o.yaml": organization(),
        "artifacts/production/penstock.lock.yaml": "apiVersion: penstock/v1\nkind: Lock\n",
        "artifacts/production/main-ivr/1.0.yaml": broken,
        "env/pyvenv.cfg": "",
        "env/lib/f.yaml": broken,
    }
    assert ids(write(tmp_path, files)) == []


def test_a_flow_file_that_is_no_manifest_is_not_read_as_one(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(), "flows/broken.yaml": "inboundCall: [\n", "list.yml": "- a\n"})
    assert load(root).files == ("o.yaml",)


def test_a_link_inside_the_repository_is_followed_once(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(), "f.yaml": flow(), ".data/g.yaml": _nightly()})
    (root / "again.yaml").symlink_to("f.yaml")
    (root / "g.yaml").symlink_to(".data/g.yaml")
    (root / "h.yaml").symlink_to(".data/g.yaml")
    (root / "loop").symlink_to(root)
    assert ids(root) == ["main-ivr", "nightly"]


def _nightly() -> str:
    return flow("nightly", source="{file: flows/workflow.yaml}")


def test_a_link_that_leads_out_or_nowhere_is_a_mistake(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"f.yaml": flow()})
    root = write(tmp_path / "in", {"o.yaml": organization()})
    (root / "out.yaml").symlink_to(outside / "f.yaml")
    (root / "nowhere.yaml").symlink_to("gone.yaml")
    (root / "self.yaml").symlink_to("self.yaml")
    assert mistakes(root) == [
        "nowhere.yaml:1:1: this link leads to nothing that can be read (remove it, or add its target)",
        "out.yaml:1:1: this link leads out of the repository (put the file itself here)",
        "self.yaml:1:1: this link leads to nothing that can be read (remove it, or add its target)",
    ]


def test_a_source_that_leaves_the_repository_through_a_link_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {})
    root = write(tmp_path / "in", {"o.yaml": organization(), "f.yaml": flow(source="{file: linked/ivr.yaml}")})
    (root / "linked").symlink_to(outside / "flows")
    (told,) = mistakes(root)
    assert told.startswith("f.yaml:5:18: spec.source.file leads out of the repository")


def test_a_pipe_that_is_named_like_a_manifest_is_not_opened(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization()})
    os.mkfifo(root / "pipe.yaml")
    assert ids(root) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"kind: Flow\nname: \xff\n", "2:7: the file is not UTF-8: byte 0xff (save it as UTF-8)"),
        (b"kind: Flow\nname: \xc3\xa4\xff\n", "2:8: the file is not UTF-8: byte 0xff (save it as UTF-8)"),
        (
            b"kind: Flow\nname: 'a\0'\n",
            "2:9: a control character that YAML does not allow (remove it, or write it as an escape in quotes)",
        ),
        (
            "kind: Flow\nname: ä\x1b\n".encode(),
            "2:8: a control character that YAML does not allow (remove it, or write it as an escape in quotes)",
        ),
        (b"kind: Flow\n" + b"#" * 5 * 1024 * 1024, "1:1: the file is larger than 5 MiB (split it)"),
    ],
)
def test_content_that_is_no_text_is_told_at_its_place(content: bytes, expected: str, tmp_path: Path) -> None:
    assert mistakes(write(tmp_path, {"f.yaml": content})) == [f"f.yaml:{expected}"]


def test_a_large_file_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    assert ids(write(tmp_path, {"o.yaml": organization(), "big.yaml": b"a: b\n" * 2_000_000})) == []


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    manifest = b"\xef\xbb\xbf" + flow().replace("\n", "\r\n").encode()
    assert ids(write(tmp_path, {"o.yaml": organization(), "f.yaml": manifest})) == ["main-ivr"]


def test_a_flow_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(), "f.yaml": flow(), "flows/ivr.yaml": b"a" * 5 * 1024**2 + b"a"})
    assert mistakes(root) == ["flows/ivr.yaml:1:1: the file is larger than 5 MiB (split it)"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (" " + "[" * 200, "f.yaml:5:64: nested deeper than 64 levels"),
        (" [\n" * 100_000, "f.yaml:67:2: nested deeper than 64 levels"),
        (" {a: " * 100, "f.yaml:5:312: nested deeper than 64 levels"),
    ],
)
def test_deep_nesting_ends_before_it_costs_anything(spec: str, expected: str, tmp_path: Path) -> None:
    text = f"apiVersion: penstock/v1\nkind: Flow\nmetadata: {{}}\nspec:\n{spec}"
    assert mistakes(write(tmp_path, {"f.yaml": text})) == [expected]


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    levels = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    text = f"apiVersion: penstock/v1\nkind: Flow\nmetadata: {{name: x}}\nspec:\n  l0: &l0 [a, a]\n{levels}"
    (told,) = mistakes(write(tmp_path, {"o.yaml": organization(), "f.yaml": text}))
    assert "more than 200000 values once aliases are expanded" in told


def test_a_file_name_that_a_terminal_could_act_on_is_shown_escaped(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(), "f\x1b[31m.yaml": flow()})
    assert mistakes(root) == [
        '"f\\x1b[31m.yaml":1:1: the file\'s name holds characters that cannot be shown (rename it)'
    ]


def test_a_root_that_is_no_folder_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="is not a folder"):
        load(write(tmp_path, {}), folder="gone")


def test_only_one_folder_of_a_repository_is_searched_and_may_name_files_beside_it(tmp_path: Path) -> None:
    files = {
        "manifests/o.yaml": organization("  include: [../shared]\n"),
        "manifests/f.yaml": flow(source="{file: ../flows/ivr.yaml}"),
        "shared/g.yaml": flow("nightly", source="{file: ../flows/workflow.yaml}"),
        "elsewhere/broken.yaml": "kind: Flow\n",
    }
    root = write(tmp_path, files)
    desired = load(root, folder="manifests")
    assert desired.files == (
        "flows/ivr.yaml",
        "flows/workflow.yaml",
        "manifests/f.yaml",
        "manifests/o.yaml",
        "shared/g.yaml",
    )
    assert [flow.id for flow in desired.organizations[0].flows] == ["main-ivr", "nightly"]
