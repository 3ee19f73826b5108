"""The steps of the image's build, as far as they go without a container engine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.containerfile import ROOT, copies, environment, runs, stages

INSTALLATION = "/opt/penstock"
"""Where the image has the product."""
_HASHED = re.compile(r"([a-z0-9-]+)==([A-Za-z0-9.+!]+)((?: --hash=sha256:[0-9a-f]{64})+)")
REFERENCE = "docker.io/library/python@sha256:" + "0" * 64
"""An image by digest: of the right form, and of no image that there is."""


def hashed(name: str) -> dict[str, str]:
    """The versions of a file of requirements, of which each line has hashes."""
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8").replace(" \\\n    ", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "--only-binary :all:", "a source distribution would bring what it is built with, without hashes"
    found = [_HASHED.fullmatch(line) for line in lines[1:]]
    assert None not in found, lines
    return {each[1]: each[2] for each in found if each is not None}


def built_installation(folder: Path) -> Path:
    """Run the build stage in `folder`, and give the folder that the image has as `/opt/penstock`.

    A fresh virtual environment stands for the base image's Python. It has the tests' pip: the one that Python brings is
    years older, and takes twice as long.
    """
    source, python = folder / "src", folder / "python"
    installation = folder / INSTALLATION.removeprefix("/")
    source.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True, timeout=300)
    pip = importlib.util.find_spec("pip")
    assert pip is not None, "the tests' environment is expected to have pip"
    assert pip.origin is not None
    [packages] = python.glob("lib/*/site-packages")
    (packages / "pip").symlink_to(Path(pip.origin).parent)
    build = stages()[0]
    for names, place in copies(build):
        for name in names:
            _copy(ROOT / name, source / place)
    variables = {**os.environ, **environment(build), "PATH": f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    # The image's layers are thrown away; here the next run needs the files again.
    variables.pop("PIP_NO_CACHE_DIR", None)
    # The image has none; pip would find the metadata of the build's own folder.
    variables.pop("PYTHONPATH", None)
    for command in runs(build):
        subprocess.run(
            ["sh", "-c", command.replace(INSTALLATION, str(installation))],
            check=True,
            cwd=source,
            env={**variables, "BASE": REFERENCE},
            timeout=600,
        )
    return installation


def _copy(path: Path, place: Path) -> None:
    """As COPY: a folder's content to the place, or a file into it."""
    if path.is_dir():
        shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, place / path.name)
