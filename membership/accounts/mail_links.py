"""The link that stops one group of mails to one member without signing in, as mail programs press it (RFC 8058). Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from membership.accounts.models import MAIL_GROUPS
from membership.config import Settings
from membership.outbox import Letter
from membership.signed_links import make_token, read_token

PURPOSE = "mails"
# People stop mails from old ones too.
VALID_FOR = timedelta(days=365)


def make_mails_token(secret_key: str, *, member_id: int, group: str, now: datetime) -> str:
    """Return the token that stops (or starts again) this group of mails to this member."""
    return make_token(secret_key, PURPOSE, f"{group}:{member_id}", now=now)


def read_mails_token(secret_key: str, token: str, *, now: datetime) -> tuple[int, str]:
    """Return the member and the group that a token names; raises ValueError."""
    group, _, member_id = read_token(secret_key, PURPOSE, token, valid_for=VALID_FOR, now=now).partition(":")
    if group not in MAIL_GROUPS:
        raise ValueError("not a group of mails")
    return int(member_id), group


def mails_off_path(token: str) -> str:
    """Return the path that stops them."""
    return f"/mails/off/{token}"


def one_click_headers(site_url: str, token: str) -> dict[str, str]:
    """Return the headers by which a mail program shows a button of its own."""
    return {
        "List-Unsubscribe": f"<{site_url}{mails_off_path(token)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def with_way_out(letter: Letter, settings: Settings, *, member_id: int, group: str, now: datetime) -> Letter:
    """Return a mail of a group with what stops it: the token of the link at its foot, and the mail program's button."""
    token = make_mails_token(settings.secret_key, member_id=member_id, group=group, now=now)
    return replace(letter, context={**letter.context, "mails_off": token}, headers=one_click_headers(settings.site_url, token))
