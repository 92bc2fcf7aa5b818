"""An older template, made of the present one by taking away what came later: an upgrade's start.

As a program it writes that template to stdout.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PRESENT = Path(__file__).parents[2] / "stack.yaml"
LATER = {  # by section, the names of what came later
    "Parameters": r"Zones|InterfaceEndpoints|Backup\w+|ContainerLogs|MetricsWorkspace|\w*Budget\w*",
    "Conditions": r"Has(InterfaceEndpoints|ContainerLogs|Metrics|Budget)",
    "Resources": (
        r"(?!S3)\w+Endpoint|EndpointSecurityGroup|Backup\w+|Budget"
        r"|(Application|Dataplane|Host|Performance)Logs|Logs(Addon|Role|Identity)"
        r"|Metrics(Addon|Role|Identity)?"
    ),
    "Outputs": r"MetricsEndpoint",
}
OTHERWISE = (  # what was otherwise, now and then
    ('Default: "1.35"', 'Default: "1.34"'),
    ("Training: m7i.xlarge,m7a.xlarge,m6i.xlarge,m6a.xlarge,m5.xlarge", "Training: m7i.xlarge"),
    ("!Ref Zones", '!GetAZs ""'),
    ("VolumeSize: 40", "VolumeSize: 30"),
)
SECTION = re.compile(r"^(?=[A-Z]\w+:)", re.MULTILINE)
ENTRY = re.compile(r"^(?=  \w+:)", re.MULTILINE)  # with the comment before the next one


def older(text: str) -> str:
    """The template as it might have been.

    Args:
        text: the present one.

    Raises:
        ValueError: the present one has no such part, so that this file is out of date.
    """
    for now, then in OTHERWISE:
        if now not in text:
            raise ValueError(f"the template has no {now!r}")
        text = text.replace(now, then)
    return "".join(_without_later(each) for each in SECTION.split(text))


def _without_later(section: str) -> str:
    later = LATER.get(section.partition(":")[0])
    if later is None:
        return section
    entries = ENTRY.split(section)
    return "".join(
        each for each in entries if not re.fullmatch(later, each.partition(":")[0].strip())
    )


if __name__ == "__main__":
    sys.stdout.write(older(PRESENT.read_text()))
