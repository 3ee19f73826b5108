"""The container's entry point with the image's user, environment and file system: everything read-only but its volume.

There is no container engine here: the steps of the build stage run in folders, the packages of Debian are not
installed, and a mount namespace plays the read-only root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from packaging.utils import canonicalize_name

from tests.support.containerfile import environment as image_environment
from tests.support.containerfile import stages
from tests.support.containerfile import user as image_user
from tests.support.images import built_installation, hashed
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


def confined(installation: Path, arguments: list[str], environment: dict[str, str]) -> list[str]:
    """`penstock` as the image's user, with a read-only root and an empty volume."""
    user, group = image_user()
    prepare = (
        "mount --make-rprivate / && mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/penstock /var/lib/image "
        f"&& mount --bind {installation} /var/lib/image && mount -o remount,bind,ro /var/lib/image "
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


def test_the_steps_of_the_build_give_an_installation_that_runs(installation: Path) -> None:
    penstock = [installation / "bin/penstock", "--help"]
    shown = subprocess.run(penstock, check=True, capture_output=True, text=True, cwd="/", env={}, timeout=120)
    installed = {canonicalize_name(each.name.partition("-")[0]) for each in installation.rglob("*.dist-info")}

    assert "Usage: penstock" in shown.stdout
    assert installed == {*hashed("requirements.txt"), "penstock"}
    assert list(installation.glob("lib/*/site-packages/controller/__pycache__/*.pyc"))


@pytest.mark.skipif(not can_confine(), reason="needs root and mount namespaces")
def test_the_entry_point_works_as_the_images_user_on_a_read_only_root(tmp_path: Path, installation: Path) -> None:
    port = free_port()
    environment = image_environment(stages()[-1]) | {
        "PATH": "/var/lib/image/bin:/usr/bin:/bin",
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        "PENSTOCK_PUBLISH_POLL": "0.1",
        "PENSTOCK_JOB_POLL": "0.1",
        "GENESYS_DEMO_CLIENT_ID": "penstock",
        "GENESYS_DEMO_CLIENT_SECRET": "penstock-secret",
    }
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            confined(installation, ["run", "--demo"], environment),
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 120
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        status = httpx.get(f"http://127.0.0.1:{port}/status", timeout=30).json()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=120)
    assert code == 0, log.read_text()
    assert status["fault"] is None
    assert [each["name"] for each in status["organizations"]] == ["demo"]
    message = status["organizations"][0]["message"]
    assert re.search(r"127\.0\.0\.1:\d+ could not be reached", message), "it looked where it is told"


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False
