"""The demo's own pages: where its mails end, and how its staff come in without a passkey."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import islice
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.accounts import queries, services
from membership.accounts.login import change_session
from membership.errors import NotFound
from membership.web import browser
from membership.web import database as web
from membership.web.audience import everyone

bp = Blueprint("demo", __name__, url_prefix="/demo")

SHOWN = 15


@dataclass(frozen=True)
class ShownMail:
    """A mail as the mailbox page shows it; parts are pieces of text, each with the address that it links to, if any."""

    to: str
    subject: str
    sent_at: datetime
    parts: tuple[tuple[str, str | None], ...]


@bp.get("/mailbox")
@everyone
def show_mailbox() -> ResponseReturnValue:
    """Show the mails that the demo has sent, newest first."""
    current = web.settings()
    to = request.args.get("to", "").strip()
    mails = read_mails(Path(urlsplit(current.mail_url).path), site_url=current.site_url, to=to, most=SHOWN + 1)
    viewer = current_user if current_user.is_authenticated else None
    return render_template("demo/show_mailbox.html", mails=mails[:SHOWN], more=len(mails) > SHOWN, to=to, viewer=viewer)


@bp.get("/staff/<token>")
@everyone
def open_staff_link(token: str) -> ResponseReturnValue:
    """Show the button of a staff link; looking does not use it up."""
    if queries.find_staff_link(web.session(), token, now=web.now()) is None:
        return _dead_link()
    return render_template("demo/open_staff_link.html", viewer=None, is_live=True)


@bp.post("/staff/<token>")
@everyone
def use_staff_link(token: str) -> ResponseReturnValue:
    """Sign a member of staff in."""
    try:
        session_token = services.use_staff_link(web.session(), token=token, browser_hash=browser.browser_hash(), now=web.now())
    except NotFound:
        return _dead_link()
    change_session(session_token)
    return redirect(url_for("staff.desk"), code=303)


def read_mails(folder: Path, *, site_url: str, to: str = "", most: int | None = None) -> list[ShownMail]:
    """Return the newest mails of a maildir, to one address if one is given, newest first; links only to our own site."""
    files = [file for part in ("new", "cur") for file in (folder / part).glob("*")]
    newest = sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)
    texts = (text for file in newest if _is_to(to, text := file.read_bytes()))
    mails = [_shown(message_from_bytes(text, policy=policy.default), site_url) for text in islice(texts, most)]
    return sorted(mails, key=attrgetter("sent_at"), reverse=True)


def _is_to(address: str, text: bytes) -> bool:
    return not address or f"\nTo: {address}\n".lower().encode("ascii", "replace") in text[:2000].lower()


def _shown(message: EmailMessage, site_url: str) -> ShownMail:
    pieces = re.split(rf"({re.escape(site_url)}(?:/[^\s<>\"]*|(?=\s|$)))", message.get_content())
    return ShownMail(
        to=str(message["To"]),
        subject=str(message["Subject"]),
        sent_at=message["Date"].datetime,
        parts=tuple((piece, piece if index % 2 else None) for index, piece in enumerate(pieces) if piece),
    )


def _dead_link() -> ResponseReturnValue:
    return render_template("demo/open_staff_link.html", viewer=None, is_live=False), 410
