"""Sending mail: by SMTP, or into the demo's mailbox folder."""

import mailbox
import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

Transport = Callable[[EmailMessage], None]
SMTP_TIMEOUT_SECONDS = 15
FOR_GOOD = 500  # RFC 5321: from here on a reply is a permanent failure
ON_ONE_LINE = frozenset({"List-Unsubscribe", "List-Unsubscribe-Post"})
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class _Policy(EmailPolicy):
    """Leaves an address on the web as it is: encoded, as the library does with what is too long for a line, no program finds it."""

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}" if name in ON_ONE_LINE else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii") if name in ON_ONE_LINE else super().fold_binary(name, value)


def compose(
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    message_id: str,
    sent_at: datetime,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> EmailMessage:
    """Build a plain-text mail; raises ValueError for an address, a subject or another header that would break the head."""
    if any(character in "".join([subject, to, *headers, *headers.values()]) for character in "\r\n"):
        raise ValueError("a header may not hold a line break")
    message = EmailMessage(_Policy())
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = sent_at
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message


def transport_for(mail_url: str) -> Transport:
    """Return how to send for a MAIL_URL: `smtp://user:password@host:port`, `smtps://…` or `maildir:/path` (demo only)."""
    parts = urlsplit(mail_url)
    if parts.scheme == "maildir":
        return _maildir(Path(parts.path))
    return _smtp(mail_url)


def is_refused_for_good(error: Exception) -> bool:
    """Return whether this one mail can never be sent; any other failure may pass, or concern them all."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= FOR_GOOD for code, _reason in error.recipients.values())
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= FOR_GOOD
    return isinstance(error, ValueError | smtplib.SMTPNotSupportedError)  # an address that no mail can carry


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
