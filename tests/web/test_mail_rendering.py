"""Letters become mails in the recipient's language, with addresses of our own site."""

from email.message import EmailMessage

import pytest
from flask import Flask
from jinja2 import DictLoader, UndefinedError
from jinja2.exceptions import TemplateNotFound

from membership.outbox import Letter
from membership.web.mail_rendering import make_sender, render_letter
from tests.conftest import NOW

TEMPLATES = {
    "mail/hello.txt": (
        "Subject: Hello  {{ name }} & {{ site.name }}\n\n"
        "See {{ url_for('sample_open.show_open', _external=True) }}\n\n<b>{{ name }}</b>\n"
    ),
    "mail/bare.txt": "No subject here\n\nText\n",
    "mail/empty.txt": "Subject:  \n\nText\n",
}


@pytest.fixture
def mail_app(sample_app: Flask) -> Flask:
    """The sample app with mails of our own."""
    sample_app.jinja_loader = DictLoader(TEMPLATES)
    return sample_app


@pytest.mark.parametrize("template", ["bare", "empty"])
def test_a_mail_without_subject_is_refused(mail_app: Flask, template: str) -> None:
    with mail_app.test_request_context("/"), pytest.raises(ValueError, match="subject"):
        render_letter(Letter("a@example.org", template, "en", {}))


def test_a_mail_with_a_gap_is_refused(mail_app: Flask) -> None:
    send = make_sender(mail_app, lambda _message: None)

    with pytest.raises(UndefinedError):
        send(Letter("a@example.org", "hello", "en", {}))


def test_an_unknown_mail_is_refused(mail_app: Flask) -> None:
    send = make_sender(mail_app, lambda _message: None)

    with pytest.raises(TemplateNotFound):
        send(Letter("a@example.org", "no_such_mail", "en", {}))


@pytest.mark.parametrize(
    ("language", "address"), [("en", "http://localhost/sample-open"), ("uk", "http://localhost/uk/sample-open")]
)
def test_a_mail_speaks_the_recipients_language_and_links_to_our_site(mail_app: Flask, language: str, address: str) -> None:
    sent: list[EmailMessage] = []

    # Asked for under another name of the host: what stands in the mail does not depend on it.
    with mail_app.test_request_context("/", base_url="http://127.0.0.1"):
        make_sender(mail_app, sent.append)(Letter("a@example.org", "hello", language, {"name": "O'Neil <3"}))

    (message,) = sent
    assert {name: str(message[name]) for name in ("From", "To", "Subject", "Date")} == {
        "From": "The Test Gazette <desk@gazette.example>",
        "To": "a@example.org",
        "Subject": "Hello  O'Neil <3 & The Test Gazette",
        "Date": NOW.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    }
    assert str(message["Message-ID"]).endswith("@localhost>")
    assert message.get_content() == f"See {address}\n\n<b>O'Neil <3</b>\n"


def test_a_line_break_in_a_name_cant_add_a_header(mail_app: Flask) -> None:
    sent: list[EmailMessage] = []

    make_sender(mail_app, sent.append)(Letter("a@example.org", "hello", "en", {"name": "X\nBcc: b@example.org"}))

    assert (sent[0]["Bcc"], str(sent[0]["Subject"])) == (None, "Hello  X")


def test_two_mails_have_two_message_ids(mail_app: Flask) -> None:
    sent: list[EmailMessage] = []
    send = make_sender(mail_app, sent.append)
    for _ in range(2):
        send(Letter("a@example.org", "hello", "en", {"name": "X"}))

    assert sent[0]["Message-ID"] != sent[1]["Message-ID"]
