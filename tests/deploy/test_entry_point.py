"""The container's entry point with the image's user, environment and file system: everything read-only but its volume.

There is no container engine here: a mount namespace plays the read-only root, and the image itself is not built.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.shell import free_port

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
USER = re.search(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
NAMESPACE = ["unshare", "--mount"]


def image_environment() -> dict[str, str]:
    """The variables of the image's last stage."""
    stage = CONTAINERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    pairs = (pair for line in re.findall(r"^ENV (.*)$", stage, re.MULTILINE) for pair in shlex.split(line))
    return dict(pair.split("=", 1) for pair in pairs)


def can_confine() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    script = "mount --make-rprivate / && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /var/lib"
    return subprocess.run([*NAMESPACE, "sh", "-c", script], check=False, capture_output=True).returncode == 0


def confined(command: list[str], environment: dict[str, str]) -> list[str]:
    """The command as the image's user, with a read-only root and an empty volume."""
    assert USER is not None
    user, group = USER.groups()
    # The interpreter of a test run may lie in a folder that only root may enter: reading it is all that is granted.
    # The image's /tmp is a volume, too; what is tested must not lie below it.
    scratch = (
        "true" if any(path.is_relative_to("/tmp") for path in (ROOT, Path(sys.prefix))) else "mount -t tmpfs tmpfs /tmp"
    )
    prepare = (
        "mount --make-rprivate / && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /var/lib "
        f"&& {scratch} && mkdir /var/lib/penstock && chown {user}:{group} /var/lib/penstock "
        "&& cd /var/lib/penstock && exec "
    )
    read_only = (
        "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search --bounding-set=-all,+dac_read_search"
    )
    become = f"setpriv --reuid {user} --regid {group} --clear-groups {read_only} --no-new-privs"
    variables = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
    return [*NAMESPACE, "sh", "-c", f"{prepare} {become} env -i {variables} {shlex.join(command)}"]


@pytest.mark.skipif(not can_confine(), reason="needs root and mount namespaces")
def test_the_entry_point_works_as_the_images_user_on_a_read_only_root(tmp_path: Path) -> None:
    port = free_port()
    environment = image_environment() | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        "PENSTOCK_PUBLISH_POLL": "0.1",
        "PENSTOCK_JOB_POLL": "0.1",
        "GENESYS_DEMO_CLIENT_ID": "penstock",
        "GENESYS_DEMO_CLIENT_SECRET": "penstock-secret",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": "/var/lib/penstock",
    }
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            confined([sys.executable, "-m", "controller", "run", "--demo"], environment),
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
