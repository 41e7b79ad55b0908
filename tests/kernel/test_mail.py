"""Mail over real SMTP on this machine, and into the demo's folder."""

import mailbox
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from smtplib import SMTPNotSupportedError
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from membership.mail import compose, transport_for
from tests.conftest import NOW

LINK = "http://localhost/sign-in/link/" + "x" * 120


class Inbox:
    """What a mail server has taken in."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if "refused@example.org" in envelope.rcpt_tos:
            return "550 no such person"
        self.envelopes.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(host: str, **options: Any) -> Iterator[tuple[Inbox, str]]:
    """A mail server on loopback and its MAIL_URL; 127.0.0.2 stands for another machine."""
    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    inbox = Inbox()
    controller = Controller(inbox, hostname=host, port=port, **options)
    controller.start()
    try:
        yield inbox, f"smtp://{host}:{port}"
    finally:
        controller.stop()


@pytest.fixture
def server() -> Iterator[tuple[Inbox, str]]:
    """A mail server on this machine."""
    with mail_server("127.0.0.1") as running:
        yield running


def message(to: str = "reader@example.org", subject: str = "Ваш голос", headers: Mapping[str, str] | None = None) -> EmailMessage:
    return compose(
        sender="The Gazette <desk@gazette.example>",
        to=to,
        subject=subject,
        text=f"Привіт!\n\n{LINK}\n",
        message_id="<1@gazette.example>",
        sent_at=NOW,
        headers=headers or {},
    )


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("a@example.org\r\nBcc: b@example.org", "Hello"),
        ("a@example.org", "Hello\nBcc: b@example.org"),
        ("a@example.org, b@example.org", "Hello"),
        ("nobody", "Hello"),
    ],
)
def test_a_header_cant_be_smuggled_in(to: str, subject: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        message(to, subject)


def test_a_server_that_is_away_is_an_error() -> None:
    with pytest.raises(OSError):
        transport_for("smtp://127.0.0.1:1")(message())


def test_a_mail_server_elsewhere_that_offers_no_encryption_gets_no_mail() -> None:
    with mail_server("127.0.0.2") as (inbox, url), pytest.raises(SMTPNotSupportedError):
        transport_for(url)(message())

    assert inbox.envelopes == []


def test_a_mail_server_elsewhere_whose_certificate_nobody_vouches_for_gets_no_mail() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
    with mail_server("127.0.0.2", tls_context=context) as (inbox, url), pytest.raises(ssl.SSLCertVerificationError):
        transport_for(url)(message())

    assert inbox.envelopes == []


def test_a_refused_recipient_is_an_error(server: tuple[Inbox, str]) -> None:
    with pytest.raises(OSError):
        transport_for(server[1])(message("refused@example.org"))

    assert server[0].envelopes == []


def test_a_mail_arrives_whole_over_smtp(server: tuple[Inbox, str]) -> None:
    inbox, url = server

    transport_for(url)(message())

    (envelope,) = inbox.envelopes
    arrived = message_from_bytes(envelope.content or b"", policy=policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@gazette.example", ["reader@example.org"])
    assert {name: arrived[name] for name in ("To", "Subject", "Message-ID", "Auto-Submitted", "Date")} == {
        "To": "reader@example.org",
        "Subject": "Ваш голос",
        "Message-ID": "<1@gazette.example>",
        "Auto-Submitted": "auto-generated",
        "Date": "Sun, 22 Mar 2026 12:00:00 +0000",
    }
    assert arrived.get_content().replace("\r\n", "\n") == f"Привіт!\n\n{LINK}\n"


def test_in_the_demo_a_mail_ends_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mailbox"

    transport_for(f"maildir://{folder}")(message())

    assert [stored["To"] for stored in mailbox.Maildir(folder, create=False)] == ["reader@example.org"]


def test_a_long_address_on_the_web_stays_readable_in_its_header() -> None:
    link = "<https://gazette.example/mails/off/" + "a" * 200 + ">"

    sent = message(headers={"List-Unsubscribe": link, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})

    lines = sent.as_bytes().decode("ascii").splitlines()
    assert [line for line in lines if line.startswith("List-")] == [
        f"List-Unsubscribe: {link}",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


@pytest.mark.parametrize("headers", [{"X-One": "a\nBcc: b@example.org"}, {"X-One\r\nBcc": "b@example.org"}])
def test_a_header_can_not_add_another(headers: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        message(headers=headers)
