"""The signed-in browser as flask-login sees it: its id is the random id of a server-side session."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import g
from flask_login import current_user

from membership.accounts import services
from membership.accounts.ceremonies import PROVED_FOR, RelyingParty
from membership.accounts.models import Member
from membership.accounts.queries import find_login_session
from membership.accounts.sign_in_rules import STAFF_METHODS
from membership.web.browser import find_browser_hash, sign_in_browser
from membership.web.database import now, session, settings

ENROLMENT = "enrolment"
STAFF_LINK = "staff_link"


@dataclass(frozen=True)
class Viewer:
    """Who is looking, and through which session."""

    token: str
    session_id: int
    method: str
    expires_at: datetime
    proved_at: datetime | None
    member: Member

    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is signed in: who may only add a passkey is a stranger on every other page."""
        return self.method != ENROLMENT

    @property
    def is_staff(self) -> bool:
        """Whether this session opens the desk: a role, and a way in that is strong enough for it."""
        return self.member.is_staff and self.method in STAFF_METHODS

    @property
    def may_enrol(self) -> bool:
        """Whether this session opens the page that adds a passkey."""
        return self.is_staff or (self.member.is_staff and self.method == ENROLMENT)

    def has_role(self, role: str) -> bool:
        """Return whether this session may do what the role may."""
        return self.is_staff and self.member.has_role(role)

    def has_proved_lately(self, at: datetime) -> bool:
        """Return whether a passkey was shown a moment ago; who has none to show, in the demo or while adding it, is not asked."""
        if self.method in (ENROLMENT, STAFF_LINK):
            return True
        return self.proved_at is not None and at - self.proved_at <= PROVED_FOR

    def prove(self, answer: str) -> None:
        """Take what the authenticator answered as proof that its owner sits here; raises NotAllowed."""
        services.confirm(
            session(),
            member_id=self.member.id,
            session_id=self.session_id,
            party=relying_party(),
            answer=answer,
            browser_hash=find_browser_hash() or b"",
            now=now(),
        )

    @property
    def display_name(self) -> str:
        """How the person is greeted."""
        return self.member.display_name or self.member.email or self.member.typed_email or ""


def load_viewer(token: str) -> Viewer | None:
    """Return who is signed in by this token, None if the session has ended or run out."""
    login = find_login_session(session(), token=token, now=now())
    if login is None or (login.method == STAFF_LINK and not settings().is_demo):
        return None
    g.seen_session = (login.id, login.last_seen_at)  # for whoever notes at the end of the request that it was used
    return Viewer(token, login.id, login.method, login.expires_at, login.proved_at, login.member)


def change_session(token: str) -> None:
    """Put a new session into this browser in place of the one that is there, which ends."""
    end_present_session()
    sign_in_browser(token)


def end_present_session() -> None:
    """End whatever this browser was signed in as, also as somebody who may only add a passkey."""
    present = getattr(current_user, "session_id", None)
    if present is not None:
        services.end_session(session(), session_id=present, member_id=current_user.member.id, now=now())


def relying_party() -> RelyingParty:
    """Return what passkeys of this site are bound to."""
    current = settings()
    return RelyingParty(urlsplit(current.site_url).hostname or "", current.site_name, tuple(sorted(current.origins)))
