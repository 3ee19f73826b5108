"""The environment of a git process: few variables, and no program that a repository's own settings name.

The author of a work tree also wrote its `.git/config`, and must not decide which programs run here. What the user's
own settings and the system's name stays in force, as do settings of the repository that are no programs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed

_PASSED_ON = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"),
        *("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NIX_SSL_CERT_FILE", "KRB5CCNAME", "KRB5_CONFIG"),
        *("GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"),
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"),
        *("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"),
    )
)
"""Names of variables, without those that redirect git to another repository, such as GIT_DIR."""
_PASSED_ON_WITH = (
    *("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_", "GIT_TRACE", "GIT_CURL_"),
    *("GIT_AUTHOR_", "GIT_COMMITTER_"),
)
"""What such names begin with."""

_FIXED = {
    # Messages of git are recognised by their English words.
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    # Commands that only read would otherwise lock and rewrite the person's index.
    "GIT_OPTIONAL_LOCKS": "0",
    # A replaced object shows another content than its id names.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EDITOR": "false",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
}

_OWN_SETTINGS = {
    "core.hooksPath": "/dev/null",
    **dict.fromkeys(("core.fsmonitor", "core.quotePath", "advice.detachedHead", "log.showSignature"), "false"),
    # Work that git detaches would outlive the time limit of its command, with locks on the repository.
    **dict.fromkeys(("gc.autoDetach", "maintenance.autoDetach", "commit.gpgSign", "push.gpgSign"), "false"),
    # A push sends one commit to one branch, and nothing else.
    **dict.fromkeys(("push.followTags", "fetch.recurseSubmodules", "submodule.recurse"), "false"),
    "push.recurseSubmodules": "no",
    # A connection that carries less than 100 bytes a second for a minute is dead.
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
}

_PROGRAMS = (
    (re.compile(r"core\.sshcommand"), "ssh"),
    (re.compile(r"core\.askpass"), ""),
    (re.compile(r"core\.alternaterefscommand"), "true"),
    (re.compile(r"filter\..*\.(?:clean|smudge|process)", re.DOTALL), ""),
    (re.compile(r"filter\..*\.required", re.DOTALL), "false"),
    (re.compile(r"merge\..*\.driver", re.DOTALL), "false"),
    (re.compile(r"diff\.(?:external|.*\.(?:command|textconv))", re.DOTALL), "true"),
    (re.compile(r"gpg\.(?:.*\.)?program", re.DOTALL), "false"),
    (re.compile(r"hook\..*\.command", re.DOTALL), "true"),
)
"""Settings with programs that our git commands would run, and git's behaviour without them.

GIT_ALLOW_PROTOCOL covers remote helpers (`remote.NAME.vcs`, `ext::` addresses).
"""
_AT_THE_REMOTE = re.compile(r"remote\..*\.(?:uploadpack|receivepack)", re.DOTALL)
"""Settings that git reads from their first occurrence. Ours come last and could not override them."""
_CREDENTIAL_HELPER = re.compile(r"credential\.(?:.*\.)?helper", re.DOTALL)
_OF_THE_REPOSITORY = frozenset({"local", "worktree"})

Setting = tuple[str, str]
"""A git setting and its value. Some keys may occur several times, in order."""


def environment(
    outer: Mapping[str, str], also: Collection[str], own: Mapping[str, str], settings: Iterable[Setting]
) -> dict[str, str]:
    """All variables of one git process: those passed on from `outer`, the fixed ones, and `own`.

    `also` are the operator's patterns of more names to pass on, which never include Penstock's own variables. Keys
    `config:NAME` of `own` and `settings` are git settings, which outrank every file. Raises SettingsInvalid for a
    GIT_CONFIG_COUNT that is not a number.
    """
    more = tuple(also)
    passed = {name: value for name, value in outer.items() if _is_passed_on(name, more)}
    given = [(key.removeprefix("config:"), value) for key, value in own.items() if key.startswith("config:")]
    variables = {key: value for key, value in own.items() if not key.startswith("config:")}
    if "HTTP_PROXY" in outer:
        # curl reads this one in lower case only: a web server could make the other one of a header.
        passed.setdefault("http_proxy", outer["HTTP_PROXY"])
    return passed | _FIXED | variables | _numbered(passed, [*_OWN_SETTINGS.items(), *settings, *given])


@lru_cache(maxsize=1024)
def _is_passed_on(name: str, also: tuple[str, ...]) -> bool:
    if name.startswith("PENSTOCK_"):
        return False
    known = name in _PASSED_ON or name.startswith(_PASSED_ON_WITH)
    return known or any(fnmatchcase(name, pattern) for pattern in also)


def without_programs(listing: bytes, ssh: str | None) -> tuple[Setting, ...]:
    """Settings that disable each program in the repository's own settings.

    `listing` is the output of `git config --list --show-scope -z`; `ssh` is the user's program for SSH. Raises
    RepositoryFailed for a program that cannot be disabled, unless the user's own settings name it first.
    """
    trusted: list[Setting] = []
    named: dict[str, None] = {}
    for scope, key, value in settings_in(listing):
        if scope in _OF_THE_REPOSITORY:
            named[key] = None
        else:
            trusted.append((key, value))
    users = dict(trusted)
    undone = []
    for key in named:
        if _AT_THE_REMOTE.fullmatch(key) and key not in users:
            raise RepositoryFailed(
                f"the repository's own settings name a program that git would run: {key}",
                hint=f"remove it (git config --unset {key}), or put it into your own settings (git config --global)",
            )
        neutral = next((value for pattern, value in _PROGRAMS if pattern.fullmatch(key)), None)
        if neutral is not None:
            # The user's own value for the key stays in force; only the repository's is replaced.
            undone.append((key, users.get(key, ssh if neutral == "ssh" and ssh else neutral)))
    if any(_CREDENTIAL_HELPER.fullmatch(key) for key in named):
        # An empty helper clears the list of helpers; the user's own are added again.
        undone.append(("credential.helper", ""))
        undone += [setting for setting in trusted if _CREDENTIAL_HELPER.fullmatch(setting[0])]
    return tuple(undone)


def settings_in(listing: bytes) -> Iterator[tuple[str, str, str]]:
    """The scope, key and value of each setting in the output of `git config --list --show-scope -z`, in order."""
    parts = listing.decode("utf-8", "surrogateescape").split("\0")
    for scope, setting in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = setting.partition("\n")
        yield scope, key, value


def _numbered(passed: Mapping[str, str], settings: Iterable[Setting]) -> dict[str, str]:
    """The settings as numbered variables that follow those in the environment."""
    count = passed.get("GIT_CONFIG_COUNT") or "0"
    if not count.isascii() or not count.isdigit() or len(count) > 6:
        raise SettingsInvalid(f"GIT_CONFIG_COUNT is {count[:20]!r}, which is no number", hint="unset GIT_CONFIG_COUNT")
    first = number = int(count)
    numbered: dict[str, str] = {}
    for number, (key, value) in enumerate(settings, start=first + 1):
        numbered |= {f"GIT_CONFIG_KEY_{number - 1}": key, f"GIT_CONFIG_VALUE_{number - 1}": value}
    return numbered | {"GIT_CONFIG_COUNT": str(number)}
