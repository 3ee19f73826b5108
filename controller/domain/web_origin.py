"""Origins of web pages (RFC 6454): scheme, host and port, as browsers send them in `Origin`."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def web_origin(url: str) -> str:
    """The origin of an address, as browsers write it: in lower case and without the scheme's own port.

    Raises ValueError for an address that is more or less than an origin.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it must be an address such as https://penstock.example.com")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("it must have no user, path or query: people reach the service at the top of a host")
    if any(character.isspace() or not character.isprintable() for character in url.strip()):
        raise ValueError("it has a character that no address has")
    return f"{parts.scheme}://{_host_and_port(parts)}"


def _host_and_port(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    return shown if parts.port in (None, _PORTS[parts.scheme]) else f"{shown}:{parts.port}"


def host_of(authority: str) -> str | None:
    """The name of the host in `host[:port]`, in lower case and without brackets; None where it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port
    except ValueError:
        return None
    if parts.netloc != authority or parts.username is not None or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")
