"""Check runs of GitHub: a result with annotations at lines of files, for the tokens of apps."""

from __future__ import annotations

from collections.abc import Sequence

from controller.forges.call import ForgeCall
from controller.forges.calls import RepositoryCalls, checked_sha
from controller.forges.github_wire import GitHubCheckRun
from controller.forges.port import CheckResult, ForgeAnnotation, StatusState
from controller.forges.text import cut, inert

_AT_ONCE = 50
"""GitHub takes 50 annotations in one request, and adds those of further requests."""
_MOST = 1000
_SUMMARY = 65_535
_MESSAGE = 16_000
"""GitHub takes 64 KB: 16,000 characters of up to four bytes."""
_TITLE = 255
_CONCLUSIONS = {
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.ERROR: "neutral",
}


class GitHubChecks:
    """Implements `Checks`."""

    def __init__(self, calls: RepositoryCalls) -> None:
        self._calls = calls

    async def annotate(self, sha: str, annotations: Sequence[ForgeAnnotation], result: CheckResult) -> None:
        """Create the check run, then add the further annotations; beyond 1,000 they are left out, and it says so."""
        shown = annotations[:_MOST]
        summary = result.summary
        if len(annotations) > _MOST:
            summary = f"The first {_MOST:,} of {len(annotations):,} annotations are shown.\n\n{summary}"
        output = {"title": cut(result.title, _TITLE), "summary": inert(summary)[:_SUMMARY]}
        chunks = [shown[at : at + _AT_ONCE] for at in range(0, len(shown), _AT_ONCE)] or [()]
        run = await self._calls.fetch(self._creation(sha, result, _output(output, chunks[0])), GitHubCheckRun)
        for chunk in chunks[1:]:
            call = ForgeCall(
                "PATCH",
                "/repos/{repository}/check-runs/{run}",
                {"run": run.id},
                body={"output": _output(output, chunk)},
                permission="Checks: write",
                what=f"check run {run.id}",
                repeatable=False,  # a repetition would show its annotations twice
            )
            await self._calls.send(call)

    def _creation(self, sha: str, result: CheckResult, output: dict[str, object]) -> ForgeCall:
        conclusion = _CONCLUSIONS.get(result.state)
        state = {"status": "completed", "conclusion": conclusion} if conclusion else {"status": "in_progress"}
        return ForgeCall(
            "POST",
            "/repos/{repository}/check-runs",
            body={"name": result.name, "head_sha": checked_sha(sha), **state, "output": output},
            permission="Checks: write",
            what=f"commit {sha}",
            repeatable=False,
        )


def _output(output: dict[str, str], annotations: Sequence[ForgeAnnotation]) -> dict[str, object]:
    return {**output, "annotations": [_annotation(each) for each in annotations]}


def _annotation(each: ForgeAnnotation) -> dict[str, object]:
    columns = {} if each.column is None else {"start_column": each.column, "end_column": each.column}
    return {
        "path": each.path,
        "start_line": each.line,
        "end_line": each.line,
        **columns,
        "annotation_level": each.level.value,
        "message": inert(each.message)[:_MESSAGE],
        "title": cut(each.title, _TITLE),
    }
