"""The scenes of the crash matrix reach every write that there is: none is left out of it for want of a scene."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from controller.domain.platform import Platform
from tests.crash.scenes import SCENES
from tests.crash.test_crash_matrix import ROOT

WRITES = {
    "register_upload": "register",
    "upload": "upload",
    "publish": "publish",
    "switch": "switch",
    "unlock": "unlock",
    "unpublish": "unpublish",
    "delete": "delete",
    "launch": "launch",
}
"""What changes an organisation, and how the journal calls it."""
READS = {
    "aclose",
    "capabilities",
    "changed_since",
    "clock_ahead",
    "dialect",
    "execution_events",
    "executions",
    "export",
    "find_flow",
    "flow_events",
    "get_flow",
    "get_flows",
    "last_change",
    "launch_state",
    "list_flows",
    "organization_id",
    "progress",
    "publish_payload",
    "recording",
    "references",
    "running_publish",
    "validate",
    "versions",
}
OF_ROLLBACKS = {"rollback.publish", "rollback.switch", "rollback.register", "rollback.upload", "rollback.unpublish"}
OTHERS = {"keep-draft", "rebind.publish"}


def rehearse(scene: str, folder: Path) -> set[str]:
    """The kinds of writes of one scene without a crash."""
    command = [sys.executable, "-m", "tests.crash.driver", scene, str(folder), "0"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{scene}: {done.stderr[-4000:]}"
    return set(json.loads((folder / "outcome.json").read_text())["writes"])


def test_all_scenes_together_make_every_kind_of_write(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = [tmp_path / str(number) for number in range(len(SCENES))]
        made = set().union(*pool.map(rehearse, SCENES, folders))

    assert made == {*WRITES.values(), *OF_ROLLBACKS, *OTHERS}


def test_every_operation_of_the_port_is_known_to_be_a_read_or_a_write() -> None:
    operations = {name for name, _ in inspect.getmembers(Platform) if not name.startswith("_")}

    assert operations == READS | WRITES.keys()
