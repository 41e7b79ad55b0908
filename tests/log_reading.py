"""Collects what a run has used to let people in or to name them, and finds it in logs."""

import re
from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# What mails and pages hand out: signed links, random tokens, ids of Checkout sessions.
TOKEN = re.compile(r"[\w-]+\.[\w-]{6}\.[\w-]{43}(?![\w-])|(?<![\w-])(?:cs_(?:test|live)_\w{8,}|[\w-]{43})(?![\w-])")
# Gift codes, recovery codes and ballot numbers: groups of four, a digit among them.
GROUPED = re.compile(r"\b(?=[A-Za-z-]*\d)[0-9A-Za-z]{4}(?:-[0-9A-Za-z]{4}){2,}(?:-[0-9A-Za-z]{2})?\b")
SIX_DIGITS = re.compile(r"(?<![\w.,-])\d{6}(?![\w-]|[.,]\d)")


class Used:
    """What has been used so far."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def take(self, text: str, *patterns: re.Pattern[str]) -> None:
        """Remember whatever in this text has one of these forms (any but the six digits, if none is named)."""
        for pattern in patterns or (ADDRESS, TOKEN, GROUPED):
            self.secrets.update(pattern.findall(text))

    def take_request(self, url: str, body: str | None) -> None:
        """Remember what a browser has sent: in the address, and in the fields of a form."""
        parts = urlsplit(url)
        self.take(unquote(f"{parts.path} {parts.query}"))
        for name, value in parse_qsl(body or ""):
            self.take(value)
            if "code" in name or "number" in name:
                self.secrets.add(value.strip())
        self.secrets.discard("")

    def take_mails(self, folder: Path) -> None:
        """Remember what the mails of a maildir hold: addresses, links and codes."""
        for file in (file for part in ("new", "cur") for file in (folder / part).glob("*")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.take(f"{message['To']} {message['Subject']} {message.get('List-Unsubscribe', '')}")
            self.take(message.get_content(), ADDRESS, TOKEN, GROUPED, SIX_DIGITS)


def found_in(log: str, secrets: Iterable[str]) -> list[str]:
    """Return which of these stand in the log, in whatever case, also as a part of a longer address; six digits only alone."""
    folded = log.casefold()
    return sorted(secret for secret in secrets if secret.casefold() in folded and not _is_only_a_part(secret, folded))


def _is_only_a_part(secret: str, log: str) -> bool:
    """Return whether these few digits stand there only within longer ones, such as the fraction of a second."""
    return len(secret) <= 8 and not re.search(rf"(?<![\w.]){re.escape(secret.casefold())}(?!\w)", log)
