"""The image's recipe: its base and all that it installs are known by hashes.

test_entry_point.py runs the steps of the build.
"""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.containerfile import CONTAINERFILE, ROOT, copies, instructions, runs, stages
from tests.support.distributions import installed_with
from tests.support.images import REFERENCE, hashed

DEPLOY = ROOT / "deploy"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_image_installs_all_that_the_product_needs_in_the_versions_of_ci(machine: str) -> None:
    wanted = installed_with(PYPROJECT["project"]["dependencies"], {"platform_machine": machine})

    assert hashed("requirements.txt") == {name: CONSTRAINTS[name] for name in wanted}, "run: make requirements"


def test_the_image_is_built_with_a_pinned_setuptools() -> None:
    [wanted] = map(Requirement, PYPROJECT["build-system"]["requires"])
    [(name, version)] = hashed("requirements-build.txt").items()

    assert name == wanted.name
    assert version in wanted.specifier


def test_nothing_is_installed_without_hashes_but_the_product() -> None:
    build, final = stages()
    steps = [step for command in runs(build) for step in command.split("&&")]
    installs = [each for each in steps if re.search(r"-m pip .*\b(install|wheel) ", each)]
    hashes = [each for each in installs if "--require-hashes" in each]

    assert len(installs) == 4
    assert all("--no-deps" in each for each in installs)
    assert all("--no-index" in each for each in installs if each not in hashes)
    assert [re.findall(r"--requirement (\S+)", each) for each in hashes] == [
        ["requirements-build.txt"],
        ["requirements.txt"],
    ]
    assert "pip install" not in " ".join(runs(final))


def test_hadolint_finds_no_mistake() -> None:
    done = linted(CONTAINERFILE)

    assert done.returncode == 0, done.stdout


def test_hadolint_finds_mistakes(tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_text("FROM python\nRUN cd /tmp && sudo true\n")

    assert {"DL3006", "DL3004"} <= set(re.findall(r"DL\d+", linted(tmp_path / "Containerfile").stdout))


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    return subprocess.run([hadolint, path], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("base", "accepted"),
    [
        (REFERENCE, True),
        ("docker.io/library/python:3.11-slim", False),
        ("", False),
        (f"python:3.11@{REFERENCE[-71:]}", True),
    ],
)
def test_only_a_base_image_by_digest_is_built_on(base: str, accepted: bool) -> None:
    build, final = stages()
    check = runs(build)[0]
    assert {build[0].value, final[0].value} == {"${BASE} AS build", "${BASE}"}
    assert [
        each for each in instructions(CONTAINERFILE.read_text()) if each.word == "ARG" and each.value != "BASE"
    ] == []

    done = subprocess.run(["sh", "-c", check], check=False, capture_output=True, text=True, env={"BASE": base})

    assert (done.returncode == 0) is accepted
    assert accepted or f"BASE is {base}, which names no digest" in done.stderr


def sent(name: str) -> bool:
    """Whether a file or folder of the checkout goes to the builder: the last pattern that matches decides."""
    patterns = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    parts = Path(name).parts
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    result = True
    for pattern in (each for each in patterns if each and not each.startswith("#")):
        glob = pattern.removeprefix("!")
        candidates = parts if glob.startswith("**/") else above
        if any(fnmatch.fnmatchcase(each, glob.removeprefix("**/")) for each in candidates):
            result = pattern.startswith("!")
    return result


def test_the_builder_is_sent_what_is_copied_and_no_more() -> None:
    copied = {name.removeprefix("./") for names, _ in copies(stages()[0]) for name in names}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()

    assert all((ROOT / name).exists() for name in copied)
    assert {name for name in tracked if sent(name)} == {
        name for name in tracked if any(Path(name).is_relative_to(each) for each in copied)
    }
    assert not sent("controller/__pycache__")
    assert not sent(".git")
