"""Verifies the signature of a commit with git itself, and says why one does not count."""

from __future__ import annotations

import re
from typing import Final

from controller.domain.errors.repository import CommitUnverified, RepositoryFailed
from controller.repository.command import TIMED_OUT, GitCommand
from controller.repository.signers import OPENPGP_SETTING, SSH_SETTING, Signers, only_keys_of

_SIGNATURE: Final = re.compile(rb"^gpgsig(?:-sha256)? (-----BEGIN [A-Z ]+-----)$", re.MULTILINE)
_SSH, _X509 = b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SIGNED MESSAGE-----"
_FINGERPRINT: Final = re.compile(r"\bkey (SHA256:[A-Za-z0-9+/=]+)")
_GOOD_SSH: Final = 'Good "git" signature with '
"""ssh-keygen's word for a sound signature by a key that the file of allowed signers does not allow."""
_SSH_TIMES: Final = {"key has expired": "had expired", "key is not yet valid": "was not yet valid"}
_OPENPGP: Final = {
    "BADSIG": "its signature by the OpenPGP key {key} does not fit its content",
    "REVKEYSIG": "the OpenPGP key {key} that signed it is revoked",
    "EXPKEYSIG": "the OpenPGP key {key} that signed it has expired",
    "EXPSIG": "its signature by the OpenPGP key {key} has expired",
    "NO_PUBKEY": "the OpenPGP key {key} that signed it is not in {setting}",
    "ERRSIG": "its signature by the OpenPGP key {key} cannot be checked",
}
"""Reasons by status line of gpg, as GnuPG's doc/DETAILS describes them; the first that occurs holds."""


def unverified(git: GitCommand, sha: str, signers: Signers) -> CommitUnverified | None:
    """Why no key of the signers vouches for the commit; None where one does.

    Raises RepositoryFailed for a commit that is not here and where git cannot tell, and as `only_keys_of` does.
    """
    with only_keys_of(signers, git.directory) as environment:
        answer = git.attempt("verify-commit", "--raw", sha, environment=environment)
    if answer.ok:
        return None
    if answer.status == TIMED_OUT:
        raise RepositoryFailed(f"{git.directory}: git verify-commit {answer.complaint}")
    found = _SIGNATURE.search(git.run("cat-file", "commit", sha).partition(b"\n\n")[0])
    reason = "it is not signed" if found is None else _reason(found[1], answer.complaint, signers)
    return CommitUnverified(
        f"the commit {sha[:12]} is not verified: {reason}",
        hint=f"push a commit that a key of {signers.settings} signs, or let the operator add the key there",
    )


def _reason(form: bytes, said: str, signers: Signers) -> str:
    if form == _SSH:
        return _ssh_reason(said) if signers.ssh else _without_keys("an SSH", SSH_SETTING)
    if form == _X509:
        return "it has an X.509 signature, and only SSH and OpenPGP are checked"
    return _openpgp_reason(said) if signers.openpgp else _without_keys("an OpenPGP", OPENPGP_SETTING)


def _without_keys(form: str, setting: str) -> str:
    return f"it has {form} signature, and {setting} is not set"


def _ssh_reason(said: str) -> str:
    found = _FINGERPRINT.search(said)
    if found is None or _GOOD_SSH not in said:
        return "its SSH signature does not fit its content"
    when = next((word for words, word in _SSH_TIMES.items() if words in said), None)
    if when is not None:
        return f"the SSH key {found[1]} that signed it {when} at the time of the commit"
    return f"the SSH key {found[1]} that signed it is not in {SSH_SETTING}"


def _openpgp_reason(said: str) -> str:
    lines = (line.split() for line in said.splitlines() if line.startswith("[GNUPG:] "))
    status = {words[1]: words[2:] for words in lines if len(words) > 2}
    key = next((status[word][place] for word, place in _KEYS if len(status.get(word, ())) > max(place, 0)), "unknown")
    reason = next((text for word, text in _OPENPGP.items() if word in status), _OPENPGP["ERRSIG"])
    return reason.format(key=key, setting=OPENPGP_SETTING)


_KEYS: Final = (("VALIDSIG", 0), ("ERRSIG", -1), ("BADSIG", 0))
"""Where gpg tells the key: its fingerprint, or its id."""
