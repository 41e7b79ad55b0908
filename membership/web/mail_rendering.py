"""From a letter to a mail: a text template in the recipient's language, sent by the transport."""

import secrets
from email.headerregistry import Address
from urllib.parse import urlsplit

from flask import Flask, render_template

from membership.config import Settings
from membership.mail import Transport, compose
from membership.outbox import Letter, Send
from membership.web.database import now, settings
from membership.web.languages import speak


def make_sender(app: Flask, transport: Transport) -> Send:
    """Return what renders a letter and sends it."""

    def send(letter: Letter) -> None:
        site: Settings = app.extensions["kernel"].settings
        # A request that nobody made: it gives url_for the site's own address, never the one of whoever asked for the mail.
        with app.test_request_context(base_url=site.site_url):
            speak(letter.language)
            subject, text = render_letter(letter)
            message = compose(
                sender=_sender(settings()),
                to=letter.to,
                subject=subject,
                text=text,
                message_id=f"<{secrets.token_hex(16)}@{urlsplit(site.site_url).hostname}>",
                sent_at=now(),
                headers=letter.headers,
            )
        transport(message)

    return send


def render_letter(letter: Letter) -> tuple[str, str]:
    """Return subject and text of templates/mail/<template>.txt: a line "Subject: …", an empty line, the text."""
    head, _, text = render_template(f"mail/{letter.template}.txt", **letter.context).lstrip().partition("\n")
    name, _, subject = head.partition(":")
    if name != "Subject" or not subject.strip():
        raise ValueError(f"mail/{letter.template}.txt must begin with its subject")
    return subject.strip(), text.strip() + "\n"


def _sender(current: Settings) -> str:
    return current.mail_from if "<" in current.mail_from else str(Address(current.site_name, addr_spec=current.mail_from))
