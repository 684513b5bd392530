"""The controls of public frameworks that rules serve, and which ones each concern always serves.

A control's id is ``<framework>/<number>``, such as ``nist-800-53/SC-28``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple


class Control(NamedTuple):
    """One control: its framework's title, its number there, and what it asks for.

    ``cloud`` is the one that the framework is about, empty when it is about any.
    """

    framework: str
    number: str
    title: str
    cloud: str = ""


@cache
def catalogue() -> Mapping[str, Control]:
    """All controls by id, in the order of the catalogue."""
    text = (files(__package__) / "controls.toml").read_text(encoding="utf-8")
    return {
        f"{name}/{number}": Control(framework["title"], number, title, framework.get("cloud", ""))
        for name, framework in tomllib.loads(text).items()
        for number, title in framework["controls"].items()
    }


#: Data at rest is encrypted with a customer-managed key.
AT_REST: Final = (
    "nist-800-53/SC-28",
    "nist-800-53/SC-13",
    "soc-2/CC6.1",
    "soc-2/C1.1",
    "iso-27001/A.8.24",
    "hipaa/164.312(a)(2)(iv)",
    "pci-dss/3.5.1",
    "gdpr/32(1)(a)",
)
#: Keys rotate, and cannot be destroyed at once.
KEYS: Final = ("nist-800-53/SC-12", "soc-2/CC6.1", "iso-27001/A.8.24", "pci-dss/3.7.4")
#: Data in transit is encrypted.
IN_TRANSIT: Final = (
    "nist-800-53/SC-8",
    "nist-800-53/SC-13",
    "soc-2/CC6.7",
    "iso-27001/A.5.14",
    "iso-27001/A.8.24",
    "hipaa/164.312(e)(1)",
    "hipaa/164.312(e)(2)(ii)",
    "pci-dss/4.2.1",
    "gdpr/32(1)(a)",
)
#: Nothing answers to more of the network than it must.
EXPOSURE: Final = (
    "nist-800-53/SC-7",
    "nist-800-53/AC-4",
    "soc-2/CC6.6",
    "iso-27001/A.8.20",
    "iso-27001/A.8.22",
    "pci-dss/1.3.1",
    "gdpr/25(2)",
)
#: Nobody may do more than they must, and identities are told from passwords.
PRIVILEGE: Final = (
    "nist-800-53/AC-3",
    "nist-800-53/AC-6",
    "soc-2/CC6.3",
    "iso-27001/A.5.15",
    "iso-27001/A.8.2",
    "hipaa/164.312(a)(1)",
    "pci-dss/7.2.2",
    "gdpr/25(2)",
)
#: There are no static keys.
CREDENTIALS: Final = ("nist-800-53/IA-5", "soc-2/CC6.1", "iso-27001/A.5.17", "pci-dss/8.6.2")
#: What happens is recorded, and the records are kept.
LOGGING: Final = (
    "nist-800-53/AU-12",
    "nist-800-53/AU-11",
    "nist-800-53/AU-9",
    "soc-2/CC7.2",
    "iso-27001/A.8.15",
    "iso-27001/A.8.16",
    "hipaa/164.312(b)",
    "pci-dss/10.2.1",
    "pci-dss/10.5.1",
)
#: What holds data can be brought back, and is not deleted by mistake.
BACKUP: Final = (
    "nist-800-53/CP-9",
    "nist-800-53/CP-10",
    "soc-2/A1.2",
    "iso-27001/A.8.13",
    "iso-27001/A.8.14",
    "hipaa/164.308(a)(7)(ii)(A)",
    "gdpr/32(1)(b)",
    "gdpr/32(1)(c)",
)
#: Data stays where it may be.
RESIDENCY: Final = ("nist-800-53/SA-9", "soc-2/C1.1", "iso-27001/A.5.23", "gdpr/44")
#: Everything has an owner and a purpose.
INVENTORY: Final = ("nist-800-53/CM-8", "soc-2/CC6.1", "iso-27001/A.5.9")
#: Money and machines have limits.
CAPACITY: Final = ("nist-800-53/SA-2", "nist-800-53/SC-6", "soc-2/A1.1", "iso-27001/A.8.6")
#: What runs is what was meant to run.
SUPPLY: Final = (
    "nist-800-53/SI-7",
    "nist-800-53/SR-4",
    "soc-2/CC6.8",
    "iso-27001/A.8.19",
)
#: What runs is confined.
WORKLOADS: Final = (
    "nist-800-53/CM-6",
    "nist-800-53/CM-7",
    "nist-800-53/SC-5",
    "nist-800-53/SC-39",
    "soc-2/CC6.8",
    "soc-2/CC7.1",
    "iso-27001/A.8.9",
    "iso-27001/A.8.3",
)
