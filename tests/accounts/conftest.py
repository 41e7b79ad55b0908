"""A test browser and the mails that the app has sent."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.demo.views import ShownMail, read_mails
from tests.factories.accounts import SAME_ORIGIN


@dataclass(frozen=True)
class Mail:
    """What somebody finds in their mailbox."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The path of the sign-in link."""
        return re.findall(r"http://localhost(/\S*sign-in/link/\S+)", self.text)[0]

    @property
    def code(self) -> str:
        """The six digits."""
        return re.findall(r"^ *(\d{6})$", self.text, flags=re.MULTILINE)[0]


@pytest.fixture
def app_session(app: Flask) -> Iterator[Session]:
    """A session on the app's database."""
    with app.extensions["kernel"].sessions() as opened:
        yield opened


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that sends what browsers send."""
    return new_browser(app)


def new_browser(app: Flask) -> FlaskClient:
    """Return another browser, with cookies of its own."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    return client


@pytest.fixture
def mails(app: Flask) -> Callable[[], list[Mail]]:
    """Deliver what is due and return every mail so far, newest last."""

    def delivered() -> list[Mail]:
        kernel = app.extensions["kernel"]
        kernel.queue.run("mails")
        folder = Path(urlsplit(kernel.settings.mail_url).path)
        shown = read_mails(folder, site_url=kernel.settings.site_url)
        return [Mail(m.to, m.subject, _text(m)) for m in sorted(shown, key=lambda m: m.sent_at)]

    return delivered


def _text(mail: ShownMail) -> str:
    return "".join(text for text, _address in mail.parts)
