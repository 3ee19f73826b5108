"""Against a server written from the documents alone: its lists of versions are paged, and its ids are not numbers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.support.shell import Shell

PAGE = 2
DEFINITION = {"nodes": {"start": {"type": "start", "name": "Start"}}, "transitions": []}


class Foreign:
    """One flow with four versions, oldest first, two to a page. A PUT takes ids, and nothing else."""

    def __init__(self) -> None:
        self.live = "12.0"
        self.puts: list[Any] = []
        statuses = {"11.0": "archived", "12.0": "published", "13.0": "published", "14.0": "published"}
        self.versions = {number: {"id": f"ver-{number[:2]}", "version": number, "status": status}
                         for number, status in statuses.items()}  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        return [row | ({"status": "deployed"} if number == self.live else {}) for number, row in self.versions.items()]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path == "/oauth/token":
            return 200, {"access_token": "t", "token_type": "bearer", "expires_in": 3600}
        if path == "/api/v2/flows":
            flow = {"id": "f1", "name": "Retail", "type": "inboundcall", "version": self.live}
            return 200, {"entities": [flow | {"metadata": {"status": "deployed"}, "definition": DEFINITION}]}
        if path == "/api/v2/routing/flows/f1/versions":
            number = int(query.get("pageNumber", ["1"])[0])
            rows, last = self.rows(), number * PAGE >= len(self.versions)
            told = {"pageSize": PAGE, "pageNumber": number, "total": len(rows), "pageCount": 2}
            following = None if last else f"{path}?pageNumber={number + 1}"
            return 200, {"entities": rows[(number - 1) * PAGE : number * PAGE], **told, "nextUri": following}
        if path == "/api/v2/routing/flows/f1" and method == "PUT":
            self.puts.append(body["version"])
            found = next((row for row in self.rows() if row["id"] == body["version"]), None)
            if found is None:
                return 400, {"status": 400, "code": "bad.request", "message": "unknown version"}
            self.live = found["version"]
            return 200, {"id": "f1", "name": "Retail", "version": found["id"], "status": "published"}
        version = re.fullmatch(r"/api/v2/flows/f1/versions/(ver-\d+)(/\w+)?", path)
        if version is None:
            return 404, {"status": 404, "code": "not.found", "message": f"no {path}"}
        if version[2] == "/publish":
            self.live = next(row["version"] for row in self.rows() if row["id"] == version[1])
            return 202, {"status": "queued", "publishId": "p1", "flowId": "f1", "versionId": version[1]}
        if version[2] == "/publishstatus":
            return 200, {"status": "completed", "progressPercent": 100, "errors": []}
        if version[2]:
            summary = {"totalErrors": 0, "totalWarnings": 0, "isSuccessful": True}
            fine = {"id": "v1", "message": "Flow graph validated successfully.", "severity": "info"}
            return 200, {"validationResults": [fine], "validationSummary": summary}
        return 200, {"id": version[1], **DEFINITION}


def serve(organization: Foreign) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = json.loads(raw) if raw.startswith(b"{") else None
            status, body = organization.answer(self.command, url.path, parse_qs(url.query), sent)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names of the base class

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def organization() -> Foreign:
    return Foreign()


@pytest.fixture
def shell(organization: Foreign, tmp_path: Path) -> Iterator[Shell]:
    server = serve(organization)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = Shell(tmp_path, f"http://127.0.0.1:{server.server_port}")
    for path in [*made.folder.glob("front*"), *made.folder.glob("hours*")]:
        path.unlink()
    manifest = yaml.safe_load((made.folder / "organization.yaml").read_text())
    manifest["spec"] |= {"api": "versioned"}
    (made.folder / "organization.yaml").write_text(yaml.safe_dump(manifest))
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def pin(shell: Shell, version: str) -> None:
    spec = {"type": "inboundcall", "name": "Retail", "source": {"version": version}}
    manifest = {"apiVersion": "penstock/v1", "kind": "Flow", "metadata": {"name": "retail"}, "spec": spec}
    (shell.folder / "retail.yaml").write_text(yaml.safe_dump(manifest))
    shell.commit()


@pytest.mark.parametrize("pinned", ["13.0", "ver-13"])
def test_a_version_of_another_page_is_switched_to_by_its_id(shell: Shell, organization: Foreign, pinned: str) -> None:
    pin(shell, pinned)
    [change] = shell.json("plan")["organizations"][0]["changes"]
    assert (change["from_version"], change["to_version"], change["blocked"]) == ("12.0", "13.0", None)
    done = shell.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (organization.live, organization.puts) == ("13.0", ["ver-13"])
    assert "warning" not in done.stdout
    assert shell.run("plan", "--detailed-exitcode").returncode == 0


def test_what_is_live_on_another_page_is_not_taken_for_live_on_the_first(shell: Shell, organization: Foreign) -> None:
    organization.live = "14.0"
    pin(shell, "12.0")
    done = shell.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "live already" not in done.stdout
    assert (organization.live, organization.puts) == ("12.0", ["ver-12"])


def test_a_rollback_that_is_told_has_happened(shell: Shell, organization: Foreign) -> None:
    pin(shell, "14.0")
    assert shell.run("apply").returncode == 0
    done = shell.run("rollback", "retail", "--to", "12.0")
    assert "rolled-back" in done.stdout
    assert organization.live == "12.0"


@pytest.mark.parametrize(("pinned", "code"), [("11.0", "version-archived"), ("99.0", "no-such-version")])
def test_a_pin_that_cannot_be_is_blocked_with_all_pages_read(
    shell: Shell, organization: Foreign, pinned: str, code: str
) -> None:
    pin(shell, pinned)
    [change] = shell.json("plan")["organizations"][0]["changes"]
    assert change["blocked"]["code"] == code
    assert "14.0 (published), 13.0 (published), 12.0 (deployed), 11.0 (archived)" in change["blocked"]["message"]
    assert (shell.run("plan").returncode, shell.run("apply").returncode) == (3, 3)
    assert organization.puts == []


def test_the_active_versions_of_all_pages_count(shell: Shell, organization: Foreign) -> None:
    organization.versions["14.0"]["status"] = "draft"
    manifest = yaml.safe_load((shell.folder / "organization.yaml").read_text())
    manifest["spec"]["safety"] = {"maxActiveVersions": 2}
    (shell.folder / "organization.yaml").write_text(yaml.safe_dump(manifest))
    pin(shell, "14.0")
    [change] = shell.json("plan")["organizations"][0]["changes"]
    assert change["blocked"]["code"] == "safety-limit"
    assert shell.run("apply").returncode == 3
    assert organization.live == "12.0"
