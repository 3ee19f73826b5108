"""When to look at an export job: when it is likely done, by the jobs before it."""

from __future__ import annotations

_A_FLOW = 0.5
"""Before anything is known, each further flow delays the first look by this share of the first flow's wait."""
_UNKNOWN_GROWTH = 0.5
_KNOWN_GROWTH = 0.1
"""Share of the time passed that the next wait takes; the known one doubles with each look in vain."""
_SOONER = 0.97
"""Factor on what is known after a job that was done at its first look: the job may have been done before."""


class ExportPace:
    """Learns how long the jobs of one organisation take, in seconds for each flow, apart for each size of job.

    A size stands for all up to twice of it, because a job takes a while that does not depend on its number of flows.
    """

    def __init__(self, poll_s: float) -> None:
        self._poll_s = poll_s
        self._a_flow_s: dict[int, float] = {}

    def first_wait_s(self, flows: int) -> float:
        """Seconds from the registration of a job to the first look."""
        known = self._a_flow_s.get(flows.bit_length())
        if known is None:
            return self._poll_s * (1 + _A_FLOW * (flows - 1))
        return max(known * flows, self._poll_s)

    def next_wait_s(self, flows: int, passed_s: float, looks: int) -> float:
        """Seconds to the next look, after so many looks at a job that was not done after `passed_s`."""
        known = flows.bit_length() in self._a_flow_s
        share = min(_KNOWN_GROWTH * 2 ** min(looks - 1, 8), _UNKNOWN_GROWTH) if known else _UNKNOWN_GROWTH
        return max(passed_s * share, self._poll_s)

    def learn(self, flows: int, passed_s: float, looks: int) -> None:
        """Note that a job was done when it was looked at for the `looks`-th time."""
        # Not from what is known by now: jobs that run at the same time end on what was known when they began.
        self._a_flow_s[flows.bit_length()] = passed_s / flows * (_SOONER if looks == 1 else 1.0)
