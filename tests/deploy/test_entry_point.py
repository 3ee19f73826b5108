"""The container's entry point with the image's user, environment and file system: everything read-only but its volume.

There is no container engine here: the steps of the build stage run in folders, the packages of Debian are not
installed, and a mount namespace plays the read-only root.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from packaging.utils import canonicalize_name

from tests.support.containerfile import environment as image_environment
from tests.support.containerfile import stages
from tests.support.containerfile import user as image_user
from tests.support.images import built_installation, hashed
from tests.support.patience import PATIENCE_S
from tests.support.service import eventually
from tests.support.shell import free_port

pytestmark = pytest.mark.proof

NAMESPACE = ["unshare", "--mount"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has at `/opt/penstock`."""
    return built_installation(tmp_path_factory.mktemp("image"))


def can_confine() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    script = "mount --make-rprivate / && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /var/lib"
    return subprocess.run([*NAMESPACE, "sh", "-c", script], check=False, capture_output=True).returncode == 0


def confined(installation: Path, configuration: Path, arguments: list[str], environment: dict[str, str]) -> list[str]:
    """`penstock` as the image's user, with a read-only root and an empty volume."""
    user, group = image_user()
    prepare = (
        "mount --make-rprivate / && mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/penstock /var/lib/image "
        f"/var/lib/configuration && mount --bind {installation} /var/lib/image "
        f"&& mount --bind {configuration} /var/lib/configuration && mount -o remount,bind,ro /var/lib/configuration "
        "&& mount -o remount,bind,ro /var/lib/image "
        "&& mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp "
        f"&& chown {user}:{group} /var/lib/penstock && cd /var/lib/penstock && exec "
    )
    # The interpreter of a test run may lie in a folder that only root may enter: reading it is all that is granted.
    read_only = (
        "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search --bounding-set=-all,+dac_read_search"
    )
    become = f"setpriv --reuid {user} --regid {group} --clear-groups {read_only} --no-new-privs"
    variables = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
    # Its first line names the folder of the build.
    command = shlex.join(["/var/lib/image/bin/python", "/var/lib/image/bin/penstock", *arguments])
    return [*NAMESPACE, "sh", "-c", f"{prepare} {become} env -i {variables} {command}"]


confines = pytest.mark.skipif(not can_confine(), reason="needs root and mount namespaces")


def test_the_steps_of_the_build_give_an_installation_that_runs(installation: Path) -> None:
    penstock = [installation / "bin/penstock", "--help"]
    shown = subprocess.run(penstock, check=True, capture_output=True, text=True, cwd="/", env={}, timeout=120)
    installed = {canonicalize_name(each.name.partition("-")[0]) for each in installation.rglob("*.dist-info")}

    assert "Usage: penstock" in shown.stdout
    assert installed == {*hashed("requirements.txt"), "penstock"}
    assert list(installation.glob("lib/*/site-packages/controller/__pycache__/*.pyc"))


@contextlib.contextmanager
def running(
    installation: Path, folder: Path, arguments: list[str], settings: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """The image's service; gives what it tells once it answers, and stops it."""
    port = free_port()
    environment = image_environment(stages()[-1]) | {
        "PATH": "/var/lib/image/bin:/usr/bin:/bin",
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        **settings,
    }
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(confined(installation, folder, arguments, environment), stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or told(url), f"it tells of a repository: {log.read_text()}")
        assert process.poll() is None, log.read_text()
        yield httpx.get(f"{url}/status", timeout=30).json()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=PATIENCE_S)
    assert code == 0, log.read_text()


def told(url: str) -> bool:
    """Whether it looked at each organisation, or knows why there are none."""
    try:
        ready = httpx.get(f"{url}/readyz", timeout=30).status_code == 200
        return ready or httpx.get(f"{url}/status", timeout=30).json()["fault"] is not None
    except httpx.TransportError:
        return False


@confines
def test_the_entry_point_works_as_the_images_user_on_a_read_only_root(tmp_path: Path, installation: Path) -> None:
    credentials = {"GENESYS_DEMO_CLIENT_ID": "penstock", "GENESYS_DEMO_CLIENT_SECRET": "penstock-secret"}

    with running(installation, tmp_path, ["run", "--demo"], credentials) as status:
        assert status["fault"] is None
        assert [each["name"] for each in status["organizations"]] == ["demo"]
        message = status["organizations"][0]["message"]
        assert re.search(r"127\.0\.0\.1:\d+ could not be reached", message), "it looked where it is told"


@confines
def test_the_image_reads_a_configuration_file_that_is_mounted(tmp_path: Path, installation: Path) -> None:
    repository = {"name": "voice", "url": "https://127.0.0.1:1/voice/flows.git"}
    document = {"apiVersion": "penstock/v1", "kind": "Configuration", "repositories": [repository]}
    (tmp_path / "penstock.yaml").write_text(yaml.safe_dump(document))

    with running(
        installation, tmp_path, ["run"], {"PENSTOCK_CONFIG": "/var/lib/configuration/penstock.yaml"}
    ) as status:
        [voice] = status["repositories"]
        assert voice["name"] == "voice"
        assert "127.0.0.1" in voice["fault"], "git was asked, and could not reach it"
