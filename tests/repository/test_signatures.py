"""Commits are verified with real keys of ssh-keygen and gpg, by the operator's files alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import CommitUnverified, RepositoryFailed
from controller.repository.repository import Repository
from controller.repository.signers import Signers
from tests.repository.site import Site
from tests.support.signing import Keys, altered, made_keys

X509 = "gpgsig -----BEGIN SIGNED MESSAGE-----\n MIIB\n -----END SIGNED MESSAGE-----\n"


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as made:
        lines = [f'person@example.com namespaces="git" {made.ssh("ssh-good")}']
        lines.append(f'person@example.com valid-before="20200101" {made.ssh("ssh-old")}')
        lines.append(f'person@example.com valid-after="20990101" {made.ssh("ssh-new")}')
        made.ssh("ssh-strange")
        (made.folder / "signers").write_text("\n".join(lines) + "\n")
        for name in ("good", "revoked", "strange"):
            made.openpgp(name)
        made.openpgp("old", expired=True)
        keyring = made.folder / "keyring"
        keyring.mkdir()
        for name in ("good", "revoked", "old"):
            (keyring / f"{name}.asc").write_text(made.exported(name))
        yield made


@pytest.fixture(scope="module")
def signers(keys: Keys) -> Signers:
    return Signers(keys.folder / "signers", keys.folder / "keyring")


@pytest.fixture
def work(site: Site) -> Path:
    site.git("init", "-q", "-b", "main", "work")
    return site.root / "work"


def told(work: Path, sha: str, signers: Signers) -> str:
    """Why a process that has just begun does not use the commit."""
    found = Repository.open(work).unverified(sha, signers)
    assert isinstance(found, CommitUnverified)
    assert found.message.startswith(f"the commit {sha[:12]} is not verified: ")
    assert found.hint is not None
    return found.message.partition(": ")[2]


@pytest.mark.parametrize("key", ["ssh-good", "good"])
def test_a_commit_that_an_allowed_key_signed_is_verified(work: Path, keys: Keys, signers: Signers, key: str) -> None:
    sha = keys.sign(work, key)

    assert Repository.open(work).unverified(sha, signers) is None


def test_without_signers_no_commit_needs_a_signature(work: Path, keys: Keys) -> None:
    assert Repository.open(work).unverified(keys.sign(work, None), None) is None


def test_an_unsigned_commit_is_refused_also_on_top_of_a_signed_one(work: Path, keys: Keys, signers: Signers) -> None:
    keys.sign(work, "ssh-good")

    assert told(work, keys.sign(work, None), signers) == "it is not signed"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("ssh-strange", "the SSH key {} that signed it is not in PENSTOCK_COMMIT_SIGNERS"),
        ("ssh-old", "the SSH key {} that signed it had expired at the time of the commit"),
        ("ssh-new", "the SSH key {} that signed it was not yet valid at the time of the commit"),
    ],
)
def test_an_ssh_key_that_does_not_count_is_named(
    work: Path, keys: Keys, signers: Signers, key: str, reason: str
) -> None:
    assert told(work, keys.sign(work, key), signers) == reason.format(keys.ssh_fingerprint(key))


def test_an_openpgp_key_that_does_not_count_is_named(work: Path, keys: Keys, signers: Signers) -> None:
    strange, old = keys.sign(work, "strange"), keys.sign(work, "old", old=True)
    before = keys.sign(work, "revoked")
    repository = Repository.open(work)

    assert repository.unverified(before, signers) is None
    keys.revoke("revoked")
    (keys.folder / "keyring" / "revoked.asc").write_text(keys.exported("revoked"))

    assert told(work, before, signers) == f"the OpenPGP key {keys.fingerprint('revoked')} that signed it is revoked"
    expected = f"the OpenPGP key {keys.fingerprint('strange')} that signed it is not in PENSTOCK_COMMIT_KEYRING"
    assert told(work, strange, signers) == expected
    assert told(work, old, signers) == f"the OpenPGP key {keys.fingerprint('old')} that signed it has expired"
    assert repository.unverified(before, signers) is None, "the revision in use stays in use"


def test_a_signature_of_another_content_is_refused(work: Path, keys: Keys, signers: Signers) -> None:
    ssh, openpgp = (altered(work, keys.sign(work, key)) for key in ("ssh-good", "good"))

    assert told(work, ssh, signers) == "its SSH signature does not fit its content"
    assert told(work, openpgp, signers).startswith("its signature by the OpenPGP key ")
    assert told(work, openpgp, signers).endswith(f"{keys.fingerprint('good')[-16:]} does not fit its content")


def test_a_kind_of_signature_without_keys_is_refused(work: Path, site: Site, keys: Keys, signers: Signers) -> None:
    ssh, openpgp = keys.sign(work, "ssh-good"), keys.sign(work, "good")
    raw = site.git("cat-file", "commit", openpgp, at=work)
    head, _, rest = raw.partition("gpgsig ")
    (site.root / "raw").write_text(f"{head}{X509}\n{rest.partition(chr(10) * 2)[2]}")
    x509 = site.git("hash-object", "-t", "commit", "-w", str(site.root / "raw"), at=work).strip()

    assert (
        told(work, ssh, replace(signers, ssh=None)) == "it has an SSH signature, and PENSTOCK_COMMIT_SIGNERS is not set"
    )
    expected = "it has an OpenPGP signature, and PENSTOCK_COMMIT_KEYRING is not set"
    assert told(work, openpgp, replace(signers, openpgp=None)) == expected
    assert told(work, x509, signers) == "it has an X.509 signature, and only SSH and OpenPGP are checked"


def test_one_kind_of_keys_is_enough(work: Path, keys: Keys, signers: Signers) -> None:
    ssh, openpgp = keys.sign(work, "ssh-good"), keys.sign(work, "good")
    keyring = keys.folder / "keyring" / "good.asc"

    assert Repository.open(work).unverified(ssh, replace(signers, openpgp=None)) is None
    assert Repository.open(work).unverified(openpgp, Signers(openpgp=keyring)) is None


def test_a_key_that_the_operator_removes_no_longer_counts(work: Path, keys: Keys, tmp_path: Path) -> None:
    ssh, openpgp = keys.sign(work, "ssh-good"), keys.sign(work, "good")
    allowed, ring = tmp_path / "allowed", tmp_path / "ring"
    allowed.write_text((keys.folder / "signers").read_text())
    ring.mkdir()
    (ring / "good.asc").write_text(keys.exported("good"))
    (ring / "strange.asc").write_text(keys.exported("strange"))
    signers = Signers(allowed, ring)
    assert Repository.open(work).unverified(ssh, signers) is Repository.open(work).unverified(openpgp, signers) is None

    allowed.write_text(keys.ssh_fingerprint("ssh-good"))
    (ring / "good.asc").unlink()

    assert "is not in PENSTOCK_COMMIT_SIGNERS" in told(work, ssh, signers)
    assert "is not in PENSTOCK_COMMIT_KEYRING" in told(work, openpgp, signers)


def test_a_prepared_repository_cannot_choose_its_signers(
    work: Path, site: Site, keys: Keys, signers: Signers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, ran = keys.sign(work, "ssh-good"), tmp_path / "ran"
    liar = tmp_path / "liar"
    liar.write_text(
        f"#!/bin/sh\ntouch {ran}\necho '[GNUPG:] GOODSIG 1 x'\necho 'Good \"git\" signature for x'\nexit 0\n"
    )
    liar.chmod(0o755)
    theirs = work / "allowed_signers"
    theirs.write_text(f"* {(keys.folder / 'ssh-strange.pub').read_text()}")
    (work / ".gitattributes").write_text("* filter=liar diff=liar merge=liar export-subst\n")
    shas = [keys.sign(work, key) for key in ("ssh-strange", "strange", None)]
    for name in ("gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"):
        site.git("config", name, str(liar), at=work)
    site.git("config", "gpg.ssh.allowedSignersFile", str(theirs), at=work)
    site.git("config", "gpg.minTrustLevel", "never", at=work)
    site.git("update-ref", f"refs/replace/{shas[-1]}", good, at=work)
    # Neither is the keyring of the user who runs the command one of the operator's.
    (tmp_path / ".gnupg").symlink_to(keys.folder / "gnupg")
    monkeypatch.setenv("HOME", str(tmp_path))

    for sha in shas:
        assert told(work, sha, signers)
        assert told(work, sha, replace(signers, openpgp=None))
    assert Repository.open(work).unverified(good, signers) is None
    assert not ran.exists()


def test_the_settings_of_the_user_choose_no_signers_either(
    work: Path, keys: Keys, signers: Signers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, settings = tmp_path / "mine", tmp_path / "gitconfig"
    mine.write_text(f"* {(keys.folder / 'ssh-strange.pub').read_text()}")
    settings.write_text(f'[gpg "ssh"]\n\tallowedSignersFile = {mine}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))

    assert "is not in PENSTOCK_COMMIT_SIGNERS" in told(work, keys.sign(work, "ssh-strange"), signers)


def test_keys_in_the_repository_are_refused(work: Path, keys: Keys) -> None:
    (work / "allowed").write_text((keys.folder / "signers").read_text())
    (work / "ring.asc").write_text(keys.exported("good"))
    sha = keys.sign(work, "ssh-good")
    outside = keys.folder / "link"
    outside.symlink_to(work / "allowed")

    for signers in (Signers(ssh=work / "allowed"), Signers(ssh=outside), Signers(openpgp=work / "ring.asc")):
        with pytest.raises(SettingsInvalid, match="lies in the repository"):
            Repository.open(work).unverified(sha, signers)


def test_keys_that_cannot_be_read_are_told_with_their_setting(work: Path, keys: Keys, tmp_path: Path) -> None:
    sha = keys.sign(work, "good")
    empty, wrong = tmp_path / "empty", tmp_path / "wrong"
    empty.mkdir()
    wrong.mkdir()
    (wrong / "good.asc").write_text(keys.exported("good"))
    (wrong / "notes.txt").write_text("no key")
    cases = [
        (Signers(ssh=tmp_path / "none"), "PENSTOCK_COMMIT_SIGNERS: .*none cannot be read: No such file"),
        (Signers(openpgp=empty), "PENSTOCK_COMMIT_KEYRING: .*empty holds no file"),
        (Signers(openpgp=wrong), "PENSTOCK_COMMIT_KEYRING: gpg cannot import every file: .*no valid OpenPGP data"),
    ]
    for signers, words in cases:
        with pytest.raises(SettingsInvalid, match=words):
            Repository.open(work).unverified(sha, signers)


@pytest.mark.parametrize(("program", "package"), [("ssh-keygen", "openssh-client"), ("gpg", "gnupg")])
def test_a_missing_program_is_told_with_its_package(
    work: Path, keys: Keys, signers: Signers, program: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, programs = keys.sign(work, "good"), work.parent / "bin"
    programs.mkdir()
    for name in {"git", "false", "ssh-keygen", "gpg"} - {program}:
        (programs / name).symlink_to(shutil.which(name) or os.devnull)
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(RepositoryFailed, match=f"{program} was not found") as caught:
        Repository.open(work).unverified(sha, signers)
    assert caught.value.hint == f"install {package}"


def test_a_folder_without_a_commit_is_not_verified(site: Site, signers: Signers) -> None:
    plain = site.root / "plain"
    plain.mkdir()
    repository = Repository.open(plain)

    found = repository.unverified(repository.revision(), signers)

    assert isinstance(found, CommitUnverified)
    assert "has no commit that could be signed" in found.message
