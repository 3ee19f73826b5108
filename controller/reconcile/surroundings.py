"""What the operator says of the network around: authorities to trust, and proxies. It holds for the whole process.

All that speaks TLS here reads `SSL_CERT_FILE` (httpx, Python's ssl module), and git reads `GIT_SSL_CAINFO`. Both
replace the authorities that are trusted otherwise, so they get a file with all of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import certifi

from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
GIT_AUTHORITIES = "GIT_SSL_CAINFO"
AUTHORITIES = "SSL_CERT_FILE"


def trust(file: Path | None, folder: Path) -> None:
    """Trust the authorities of the file as well as the usual ones, in this process and in the git that it starts.

    `folder` gets a file with all of them. Raises SettingsInvalid for a file without usable certificates.
    """
    if file is None:
        return
    usual = dict.fromkeys(_usual())
    everything = "\n".join([*usual, *(each for each in _certificates(file) if each not in usual)]) + "\n"
    bundle = folder / f"authorities-{hashlib.sha256(everything.encode()).hexdigest()[:16]}.pem"
    try:
        _write(bundle, everything)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid(
            f"PENSTOCK_CA_FILE: {bundle} cannot be written: {reason}",
            hint="set PENSTOCK_CACHE_DIR to a writable folder",
        ) from error
    os.environ[AUTHORITIES] = str(bundle)
    os.environ[GIT_AUTHORITIES] = str(bundle)


def mask_proxies() -> None:
    """Mask the passwords in the proxies' addresses from now on."""
    for name in (*_PROXIES, *map(str.lower, _PROXIES)):
        try:
            password = urlsplit(os.environ.get(name, "")).password
        except ValueError:
            continue
        for form in filter(None, (password, unquote(password or ""))):
            SECRETS.register(form)


def _usual() -> Iterator[str]:
    """The certificates that are trusted without the operator's file."""
    paths = ssl.get_default_verify_paths()
    named = (os.environ.get(name) for name in (AUTHORITIES, GIT_AUTHORITIES))
    for file in filter(None, (*named, paths.cafile, certifi.where())):
        yield from _found_in(Path(file))
    folder = os.environ.get("SSL_CERT_DIR") or (None if paths.cafile else paths.capath)
    if folder is not None and Path(folder).is_dir():
        for each in sorted(Path(folder).iterdir()):
            yield from _found_in(each)


def _found_in(file: Path) -> Iterator[str]:
    try:
        yield from _CERTIFICATE.findall(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return


def _certificates(file: Path) -> list[str]:
    """The certificates of the operator's file. Raises SettingsInvalid."""
    try:
        found = _CERTIFICATE.findall(file.read_text(encoding="utf-8", errors="replace"))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(found))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = (
            error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it holds no certificates"
        )
        raise SettingsInvalid(
            f"PENSTOCK_CA_FILE: the certificates of {file} cannot be read: {reason}",
            hint="give a file of certificates in PEM format",
        ) from error
    return found


def _write(file: Path, text: str) -> None:
    """Write the file at once, so that no other process reads half of it; one that is there is as it should be."""
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as made:
        made.write(text)
    Path(made.name).replace(file)
