"""Reads what export jobs leave: one flow file, or an archive of several."""

from __future__ import annotations

import io
import re
import zipfile

from controller.domain.errors.change import ExportFailed
from controller.domain.excerpt import first_words

_ZIP = b"PK\x03\x04"
_FLOW_FILE = re.compile(r"(?:[ \t]*(?:#.*|---.*|%.*)?\r?\n)*[A-Za-z]\w*:[ \t]*(?:#.*)?\r?\n")
"""A flow file begins with its type alone on a line. The page of a proxy is valid YAML too, but begins otherwise."""


def text_of(content: bytes, shown: str) -> str:
    """The text of one exported file; `shown` names the version. Raises ExportFailed for anything but UTF-8 text."""
    if content.startswith(_ZIP):
        raise ExportFailed(f"{shown}: the organisation sent an archive for one flow")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExportFailed(f"{shown}: the exported file is not UTF-8") from error


def files_of(archive: bytes, limit_bytes: int) -> dict[str, str]:
    """The texts of an archive by file name without extension. Raises ExportFailed for anything but an archive of YAML.

    `limit_bytes` applies to each unpacked file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return {
                entry.filename.rpartition(".")[0]: _unpacked(opened, entry, limit_bytes) for entry in opened.infolist()
            }
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ExportFailed(f"the archive of an export is unreadable ({type(error).__name__})") from error


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit_bytes: int) -> str:
    with archive.open(entry) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ExportFailed(f"a file in the archive of an export is larger than {limit_bytes} bytes")
    return content.decode("utf-8-sig")


def require_flow_file(text: str, shown: str) -> None:
    """Raises ExportFailed for a text that does not begin as a flow file does."""
    if not _FLOW_FILE.match(text):
        raise ExportFailed(f"{shown}: the export is no flow file: {first_words(text.encode())}")
