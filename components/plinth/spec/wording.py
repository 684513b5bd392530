"""The words in which problems are told: kinds of values, bounds and forms."""

from __future__ import annotations

import re
from typing import Any, Final

MAPPING: Final = "a mapping of keys to values"
#: What is expected, by the beginning of pydantic's error type; the first that fits counts.
EXPECTED: Final = (
    ("string", "text"),
    ("int", "a whole number"),
    ("float", "a number"),
    ("finite", "a finite number"),
    ("decimal", "a decimal number"),
    ("complex", "a number"),
    ("bool", "true or false"),
    ("list", "a list"),
    ("tuple", "a list"),
    ("iterable", "a list"),
    ("iteration", "a list"),
    ("set", "a list without repeats"),
    ("frozen_set", "a list without repeats"),
    ("dict", MAPPING),
    ("mapping", MAPPING),
    ("model", MAPPING),
    ("dataclass", MAPPING),
    ("arguments", MAPPING),
    ("none", "empty (null)"),
    ("datetime", "a date and time such as 2030-01-31T12:00:00Z"),
    ("date", "a date such as 2030-01-31"),
    ("timezone", "a time with a time zone"),
    ("time_delta", "a duration such as PT1H"),
    ("time", "a time such as 12:00:00"),
    ("url", "a URL such as https://example.com"),
    ("uuid", "a UUID"),
    ("bytes", "text"),
    ("json", "text that holds JSON"),
)

#: Bounds: what the value must be, filled from the error's context.
BOUNDS: Final = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "bytes_too_short": "at least {min_length} bytes long",
    "bytes_too_long": "at most {max_length} bytes long",
    "decimal_max_digits": "at most {max_digits} digits long",
    "decimal_max_places": "a number with at most {decimal_places} decimal places",
    "decimal_whole_digits": "at most {whole_digits} digits before the point",
}

#: The patterns of values and keys in words; those of clouds and tools too.
FORMS: Final = {
    r"^[a-z]([a-z0-9-]*[a-z0-9])?$": "lower-case letters, digits and dashes, beginning with a "
    "letter and not ending with a dash",
    r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$": "a host name in lower case",
    r"^(\S+\s+){4}\S+$": "a cron schedule of five fields",
    r"^[1-9][0-9]*(Mi|Gi)$": "an amount of memory in Mi or Gi",
    r"^([1-9][0-9]*m|[0-9]+(\.[0-9]+)?)$": "an amount of CPU in cores or millicores",
    r"^https://[^\s]+$": "an address that begins with https://",
    r"^[A-Z]{3}$": "a currency code of three capital letters",
    r"^1\.[0-9]{2}$": "a Kubernetes minor version",
    r"^[0-9]{2}(\.[0-9]+)?$": "a PostgreSQL version such as 17",
    r"^[0-9]+\.[0-9]+$": "a Valkey version such as 8.1",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$": "at most 63 letters, digits, dots, dashes and "
    "underscores, beginning with a letter or digit",
    r"^[A-Za-z0-9 ._@/=+-]+$": "letters, digits, spaces and . _ @ / = + -",
    r"^[A-Za-z]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$": "at most 63 letters, digits, dots, dashes and "
    "underscores, beginning with a letter and ending with a letter or digit",
    r"^(awskms|azurekeyvault|gcpkms|hashivault)://.+$": "the address of a key that begins with "
    "awskms://, azurekeyvault://, gcpkms:// or hashivault://",
    r"^(https://|ssh://|git@)[^\s]+$": "a clone URL that begins with https://, ssh:// or git@",
    r"^[^/].*$|^$": "a folder inside the repository, without a slash before it",
    r"^(models:/[\w.-]+(@[\w-]+|/\d+)|(s3|gs|https|abfss|pvc|hf|file)://\S+)$": "a registry "
    "reference (`models:/name@alias` or `models:/name/version`) or a storage address",
    r"^[A-Za-z0-9_.-]+$": "letters, digits, dots, dashes and underscores",
    r"^[A-Za-z0-9][A-Za-z0-9_]*$": "letters, digits and underscores, beginning with a letter or "
    "digit",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and underscores, not beginning with a digit",
    r"^arn:aws:iam::\d{12}:policy/[\w+=,.@/-]+$|^[\w+=,.@-]{1,128}$": "the name of an IAM policy, "
    "or its ARN",
    r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers/Microsoft\.Network"
    r"/virtualNetworks/[^/]+/subnets/[^/]+$": "the resource ID of a subnet",
    r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers/Microsoft\.KeyVault"
    r"/vaults/[0-9a-zA-Z-]{3,24}$": "the resource ID of a key vault",
    r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$": "an object ID",
    r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$": "a billing account such as 01AB23-45CD67-89EF01",
}


def kind(value: Any) -> str:
    """What a piece of plain data is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the switch {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {quote(value)}"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def quote(text: str, limit: int = 60) -> str:
    """Text in double quotes on one line, shortened, with unprintable characters spelled out."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    shown = shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
    return f'"{shown}"'


def repair(text: str, pattern: str) -> str | None:
    """The text in lower case with dashes, when that is all it takes to fit ``pattern``."""
    repaired = re.sub("[^a-z0-9.]+", "-", text.lower()).strip("-")
    return repaired if re.fullmatch(pattern, repaired) else None


def expected(error_type: str) -> str | None:
    """The kind of value that one of pydantic's error types asks for; None when it is not that."""
    if error_type in BOUNDS or error_type == "string_pattern_mismatch":
        return None
    return next((words for start, words in EXPECTED if error_type.startswith(start)), None)
