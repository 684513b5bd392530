"""Messages to people: Alertmanager's own mails, by the mail server that the spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi import Input, Output

from plinth.clouds.kubernetes.options import MailOptions
from plinth.ports import RECEIVER_FILES, Secret, Topic

_PASSWORD = "mail-password"  # noqa: S105 - a file's name


def topic(emails: Sequence[str], mail: MailOptions | None) -> Topic:
    """Who is told, and how; nobody without a mail server: alerts then show on their pages only."""
    if mail is None:
        return Topic(id=Output.from_input("none"), receivers={})
    files: Mapping[str, tuple[Secret, str]] = {}
    server: dict[str, Input[Any]] = {
        "smarthost": f"{mail.host}:{mail.port}",
        "from": mail.sender,
        "require_tls": True,
        "send_resolved": True,
    }
    if mail.username and mail.password:
        reference = mail.password
        files = {_PASSWORD: (Secret(name=reference.secret, keys=(reference.key,)), reference.key)}
        server |= {
            "auth_username": mail.username,
            "auth_password_file": f"{RECEIVER_FILES}{_PASSWORD}",
        }
    return Topic(
        id=Output.from_input(f"mail from {mail.sender}"),
        receivers={"email_configs": [{"to": email, **server} for email in emails]},
        files=files,
    )
