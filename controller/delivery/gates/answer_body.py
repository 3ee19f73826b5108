"""Judging the JSON body of an answer, outside this process: a manifest wrote the expression, a stranger the body."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller.delivery.gates.model import GateVerdict

_PROGRAM: Final = Path(__file__).with_name("json_path_program.py")
_LONGEST_S: Final = 15.0
"""Time to start the program and to evaluate; a fraction of a second is enough."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that cannot be judged, and why."""

    why: str


async def judge_body(path: str, equals: object, body: bytes | Unreadable) -> tuple[GateVerdict, str]:
    """The verdict, and what to say after the URL. What cannot be evaluated, or not in time, is an ERROR."""
    if isinstance(body, Unreadable):
        return GateVerdict.ERROR, f" cannot be judged: {body.why}"
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return GateVerdict.FAIL, " answered something that is not JSON"
    request = {"path": path, "body": text} | ({} if equals is None else {"equals": equals})
    answer = await _run(json.dumps(request).encode())
    if answer is None:
        return GateVerdict.ERROR, f": {path} could not be evaluated within {_LONGEST_S:g} s and 512 MiB of memory"
    if answer.get("error") == "not-json":
        return GateVerdict.FAIL, " answered something that is not JSON"
    if "error" in answer:
        return GateVerdict.ERROR, f": {path} could not be evaluated: {answer['error']}"
    if not answer["found"]:
        return GateVerdict.FAIL, f": there is nothing at {path}"
    if not answer["same"]:
        return GateVerdict.FAIL, f": {path} is {answer['shown']}, expected {json.dumps(equals)}"
    return GateVerdict.PASS, f": {path} is as expected"


async def _run(request: bytes) -> dict[str, object] | None:
    """What the program says; None where it says nothing in time. It never outlives this call."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    except (OSError, RuntimeError):  # no process, file or thread is left for it
        return None
    try:
        async with asyncio.timeout(_LONGEST_S):
            output, _ = await process.communicate(request)
        answer = json.loads(output)
    except (TimeoutError, ValueError, OSError):
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return answer if isinstance(answer, dict) else None
