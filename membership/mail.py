"""Sending mail: by SMTP, or into the demo's mailbox folder."""

import mailbox
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

Transport = Callable[[EmailMessage], None]
SMTP_TIMEOUT_SECONDS = 15
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def compose(*, sender: str, to: str, subject: str, text: str, message_id: str, sent_at: datetime) -> EmailMessage:
    """Build a plain-text mail; raises ValueError for an address or subject that would break the header."""
    if any(character in subject + to for character in "\r\n"):
        raise ValueError("a header may not hold a line break")
    message = EmailMessage()
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = sent_at
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def transport_for(mail_url: str) -> Transport:
    """Return how to send for a MAIL_URL: `smtp://user:password@host:port`, `smtps://…` or `maildir:/path` (demo only)."""
    parts = urlsplit(mail_url)
    if parts.scheme == "maildir":
        return _maildir(Path(parts.path))
    return _smtp(mail_url)


def _maildir(path: Path) -> Transport:
    def send(message: EmailMessage) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        mailbox.Maildir(path, create=True).add(message)

    return send


def _smtp(mail_url: str) -> Transport:
    parts = urlsplit(mail_url)

    def send(message: EmailMessage) -> None:
        with _connect(parts.scheme, parts.hostname or "localhost", parts.port) as smtp:
            if parts.username:
                smtp.login(unquote(parts.username), unquote(parts.password or ""))
            smtp.send_message(message)

    return send


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    """Return a connection that nobody can read along: encrypted with a checked certificate, or never leaving this machine."""
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SMTP_TIMEOUT_SECONDS, context=context)
    smtp = smtplib.SMTP(host, port or 587, timeout=SMTP_TIMEOUT_SECONDS)
    if host not in THIS_MACHINE:
        try:
            smtp.starttls(context=context)
        except BaseException:
            smtp.close()
            raise
    return smtp
