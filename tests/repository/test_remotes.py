"""Recording works over HTTP and SSH; credentials reach git, and nothing else shows them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import GitRemoteFailed
from controller.repository.credentials import GitCredentials
from controller.repository.record import RecordSettings
from controller.repository.repository import Repository
from tests.repository.servers import SshRemote, http_remote, ssh_remote, sshd_program
from tests.repository.site import PATIENT, POLICY, Site, delivery, recorded
from tests.support.service import eventually

TOKEN = "a-token-that-nobody-may-see"


def seeded(site: Site) -> Path:
    remote = site.remote()
    site.git("config", "http.receivepack", "true", at=remote)
    return remote


def test_the_service_clones_records_and_fetches_over_http_with_a_token(site: Site) -> None:
    remote = seeded(site)
    with http_remote(site.root, login=("x-access-token", TOKEN)) as server:
        url = f"{server.url}/origin.git"
        repository = Repository.clone(url, site.root / "work", branch="main", credentials=GitCredentials(lambda: TOKEN))
        landed = repository.record(delivery(recorded()))
        assert site.head(remote, "main") == landed.sha == repository.fetch("main")
        assert set(server.logins) == {f"x-access-token:{TOKEN}"}


def test_a_token_stands_in_no_file_of_the_clone_and_no_process_argument(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(site)
    trace = site.root / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
    with http_remote(site.root, login=("x-access-token", TOKEN)) as server:
        url = f"{server.url}/origin.git"
        repository = Repository.clone(url, site.root / "work", branch="main", credentials=GitCredentials(lambda: TOKEN))
        repository.record(delivery(recorded()))
    arguments = [line for line in trace.read_text().splitlines() if '"argv"' in line]
    assert any("remote-http" in line for line in arguments)
    assert any("push" in line for line in arguments)
    assert not any(TOKEN in line for line in arguments)
    files = [path for path in (site.root / "work").rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)
    assert TOKEN not in repr(GitCredentials(lambda: TOKEN))


def test_a_credential_helper_of_the_machine_does_not_get_to_keep_the_token(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(site)
    kept = site.root / "kept"
    (site.root / "gitconfig").write_text(f"[credential]\n\thelper = store --file={kept}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(site.root / "gitconfig"))
    with http_remote(site.root, login=("x-access-token", TOKEN)) as server:
        Repository.clone(
            f"{server.url}/origin.git", site.root / "work", branch="main", credentials=GitCredentials(lambda: TOKEN)
        )
    assert not kept.exists()


def test_a_wrong_token_is_a_clear_error_that_does_not_show_it(site: Site) -> None:
    seeded(site)
    with http_remote(site.root, login=("x-access-token", "right")) as server, pytest.raises(GitRemoteFailed) as caught:
        Repository.clone(
            f"{server.url}/origin.git", site.root / "work", branch="main", credentials=GitCredentials(lambda: TOKEN)
        )
    assert TOKEN not in str(caught.value)
    assert "token" in (caught.value.hint or "")


def test_without_a_token_git_does_not_ask_anyone(site: Site) -> None:
    seeded(site)
    with http_remote(site.root, login=("x", "y")) as server, pytest.raises(GitRemoteFailed) as caught:
        Repository.clone(f"{server.url}/origin.git", site.root / "work", branch="main")
    assert caught.value.hint


def test_an_http_remote_that_breaks_off_keeps_the_record_and_gets_it_later(site: Site) -> None:
    remote = seeded(site)
    with http_remote(site.root) as server:
        url = f"{server.url}/origin.git"
        repository = Repository.clone(url, site.root / "work", branch="main", settings=PATIENT)
        server.broken = True
        with pytest.raises(GitRemoteFailed, match="503"):
            repository.record(delivery(recorded()))
        server.broken = False
        assert repository.flush_pending()[0].pushed
    assert site.count(remote) == 2


def test_a_password_in_a_persons_own_remote_is_masked_in_errors(site: Site) -> None:
    seeded(site)
    work = site.clone(site.root / "origin.git", "work")
    site.git("remote", "set-url", "origin", f"http://me:{TOKEN}@127.0.0.1:1/origin.git", at=work)
    with pytest.raises(GitRemoteFailed) as caught:
        Repository.open(work).recorded_state("production", POLICY)
    assert TOKEN not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_token_is_not_sent_unencrypted_to_another_machine(site: Site) -> None:
    with pytest.raises(SettingsInvalid, match=r"unencrypted to git\.example\.com"):
        Repository.clone(
            "http://git.example.com/x.git", site.root / "w", branch="main", credentials=GitCredentials(lambda: TOKEN)
        )


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshRemote]:
    if sshd_program() is None and os.environ.get("CI") != "true":
        pytest.skip("openssh-server is not installed")
    with ssh_remote(tmp_path / "ssh") as server:
        yield server


def test_the_service_clones_and_records_over_ssh_with_a_key(site: Site, sshd: SshRemote) -> None:
    remote = site.remote()
    credentials = GitCredentials(ssh_key=sshd.key, known_hosts=sshd.known_hosts)
    repository = Repository.clone(f"{sshd.url}{remote}", site.root / "work", branch="main", credentials=credentials)
    assert repository.record(delivery(recorded())).sha == site.head(remote, "main")


def test_a_person_records_over_ssh_with_their_own_command(
    site: Site, sshd: SshRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = site.remote()
    command = f"ssh -F none -i {sshd.key} -o UserKnownHostsFile={sshd.known_hosts}"
    monkeypatch.setenv("GIT_SSH_COMMAND", command)
    work = site.clone(f"{sshd.url}{remote}", "work")
    assert Repository.open(work).record(delivery(recorded())).sha == site.head(remote, "main")


def test_a_host_whose_key_is_not_known_is_refused(site: Site, sshd: SshRemote) -> None:
    empty = site.root / "known_hosts"
    empty.touch()
    credentials = GitCredentials(ssh_key=sshd.key, known_hosts=empty)
    with pytest.raises(GitRemoteFailed, match="Host key verification failed") as caught:
        Repository.clone(f"{sshd.url}{site.remote()}", site.root / "work", branch="main", credentials=credentials)
    assert "PENSTOCK_GIT_KNOWN_HOSTS" in (caught.value.hint or "")


def test_a_key_that_the_host_does_not_take_is_a_clear_error(site: Site, sshd: SshRemote) -> None:
    (sshd.key.parent / "authorized_keys").write_text("")
    credentials = GitCredentials(ssh_key=sshd.key, known_hosts=sshd.known_hosts)
    with pytest.raises(GitRemoteFailed, match="Permission denied"):
        Repository.clone(f"{sshd.url}{site.remote()}", site.root / "work", branch="main", credentials=credentials)


def test_a_remote_that_hangs_is_ended_with_all_its_processes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    work = site.clone(site.remote(), "work")
    site.git("remote", "set-url", "origin", "ssh://nobody@127.0.0.1/x", at=work)
    script = site.root / "hanging-ssh"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {site.root}/child\nwait\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    with pytest.raises(GitRemoteFailed, match=r"did not finish within 4 s"):
        Repository.open(work, settings=RecordSettings(network_timeout_s=4)).recorded_state("production", POLICY)
    child = int((site.root / "child").read_text())
    eventually(lambda: is_gone(child), "the end of what git had started")


def is_gone(process: int) -> bool:
    """Whether it ended; what nobody waited for is kept by the system under its number."""
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_replaced_key_file_is_used_with_the_next_call(site: Site, sshd: SshRemote) -> None:
    remote = site.remote()
    credentials = GitCredentials(ssh_key=sshd.key, known_hosts=sshd.known_hosts)
    repository = Repository.clone(f"{sshd.url}{remote}", site.root / "work", branch="main", credentials=credentials)
    new = sshd.key.with_name("new")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", new], check=True)
    shutil.copy(new.with_suffix(".pub"), sshd.key.with_name("authorized_keys"))
    with pytest.raises(GitRemoteFailed, match="Permission denied"):
        repository.recorded_state("production", POLICY)

    shutil.copy(new, sshd.key)
    # ssh offers the public key in the file beside it, where there is one.
    shutil.copy(new.with_suffix(".pub"), sshd.key.with_suffix(".pub"))

    assert repository.record(delivery(recorded())).sha == site.head(remote, "main")


def test_a_missing_key_file_is_said_before_anything_is_tried(site: Site) -> None:
    with pytest.raises(SettingsInvalid, match="does not exist"):
        Repository.clone(
            "ssh://git@127.0.0.1:1/x", site.root / "w", branch="main", credentials=GitCredentials(ssh_key=Path("/none"))
        )
