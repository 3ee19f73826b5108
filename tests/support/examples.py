"""How many examples a property is tried with: a third of them in every check, all of them in `make nightly`."""

from __future__ import annotations

from hypothesis import settings

NIGHTLY = "nightly"
"""The profile of hypothesis with which `make nightly` runs."""
_PART = 3


def examples(most: int) -> settings:
    """For properties whose examples take milliseconds and more."""
    return settings(
        max_examples=most if settings.get_current_profile_name() == NIGHTLY else most // _PART, deadline=None
    )
