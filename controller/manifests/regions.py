"""The Genesys Cloud regions: the domain under which each answers.

Source: `purecloud_region_hosts.py` of Genesys' Platform API SDK for Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from controller.manifests.wording import did_you_mean, quoted

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "mypurecloud.com": "us-east-1",
        "mypurecloud.ie": "eu-west-1",
        "mypurecloud.com.au": "ap-southeast-2",
        "mypurecloud.jp": "ap-northeast-1",
        "mypurecloud.de": "eu-central-1",
        "usw2.pure.cloud": "us-west-2",
        "cac1.pure.cloud": "ca-central-1",
        "apne2.pure.cloud": "ap-northeast-2",
        "euw2.pure.cloud": "eu-west-2",
        "aps1.pure.cloud": "ap-south-1",
        "use2.us-gov-pure.cloud": "us-east-2",
        "sae1.pure.cloud": "sa-east-1",
        "mec1.pure.cloud": "me-central-1",
        "apne3.pure.cloud": "ap-northeast-3",
        "euc2.pure.cloud": "eu-central-2",
        "mxc1.pure.cloud": "mx-central-1",
        "apse1.pure.cloud": "ap-southeast-1",
        "edee1.eusc-pure.cloud": "eusc-de-east-1",
    }
)
"""The AWS region of each Genesys domain."""

_DECORATION = re.compile(r"(?:https?://)?(?:(?:api|login|apps)\.)?")


def suggestion(region: str) -> str | None:
    """What a value that is no Genesys domain was most likely meant to be, as a hint."""
    lower = region.strip().lower()
    for domain, aws in REGIONS.items():
        if aws == lower:
            return f"the domain of {aws} is {quoted(domain)}"
    bare = _DECORATION.sub("", lower, count=1).rstrip("/.")
    if bare in REGIONS:
        return f"write only the domain: {quoted(bare)}"
    return did_you_mean(bare, REGIONS)
