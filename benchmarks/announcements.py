"""Calls and duration of a delivery that hears when a publish has ended, against one that looks.

In real time, against two served simulators: the same flows are changed and applied once with the channel and, at the
same time, once without.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.shell import Shell, simulator_process
from tests.support.sources import inbound

FLOWS = 12
PUBLISH_S = 20.0


@dataclass(frozen=True, slots=True)
class Delivery:
    calls: int
    seconds: float


def measure(heard: bool) -> Delivery:  # noqa: FBT001 - what it is mapped over
    """One delivery of changed flows, concurrency 4."""
    with tempfile.TemporaryDirectory() as folder, simulator_process("--time-scale", "1") as url:
        shell = Shell(Path(folder), url)
        for setting in ("PENSTOCK_PUBLISH_POLL", "PENSTOCK_JOB_POLL"):
            del shell.environment[setting]
        shell.environment["PENSTOCK_NOTIFICATIONS"] = str(heard)
        _deliver(shell, "first")
        httpx.patch(f"{url}/_simulator/settings", json={"upload_s": PUBLISH_S}).raise_for_status()
        httpx.delete(f"{url}/_simulator/calls").raise_for_status()
        began = time.monotonic()
        _deliver(shell, "second")
        seconds = time.monotonic() - began
        return Delivery(int(httpx.get(f"{url}/_simulator/calls").json()["total"]), seconds)


def _deliver(shell: Shell, says: str) -> None:
    for number in range(FLOWS):
        shell.flow(f"flow-{number}", inbound(f"Flow {number}", says=says))
    shell.commit()
    done = shell.run("apply", "--force")
    if done.returncode:
        raise SystemExit(done.stderr)


def main() -> None:
    # Both wait nearly all the time: neither slows the other down.
    with ThreadPoolExecutor() as pool:
        heard, polled = pool.map(measure, (True, False))
    print("| | with the channel | polled | ratio |")
    print("|--|--:|--:|--:|")
    print(f"| calls | {heard.calls} | {polled.calls} | {polled.calls / heard.calls:.2f} |")
    print(f"| duration | {heard.seconds:.0f} s | {polled.seconds:.0f} s | {polled.seconds / heard.seconds:.2f} |")


if __name__ == "__main__":
    main()
