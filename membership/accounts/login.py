"""The signed-in browser as flask-login sees it: its id is the random id of a server-side session."""

from dataclasses import dataclass
from datetime import datetime

from membership.accounts.models import Member
from membership.accounts.queries import find_login_session
from membership.accounts.sign_in_rules import STAFF_METHODS
from membership.web.database import now, session


@dataclass(frozen=True)
class Viewer:
    """Who is looking, and through which session."""

    token: str
    session_id: int
    method: str
    expires_at: datetime
    member: Member

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token

    @property
    def is_staff(self) -> bool:
        """Whether this session opens the desk: a role, and a way in that is strong enough for it."""
        return self.member.is_staff and self.method in STAFF_METHODS

    def has_role(self, role: str) -> bool:
        """Return whether this session may do what the role may."""
        return self.is_staff and self.member.has_role(role)

    @property
    def display_name(self) -> str:
        """How the person is greeted."""
        return self.member.display_name or self.member.email or self.member.typed_email or ""


def load_viewer(token: str) -> Viewer | None:
    """Return who is signed in by this token, None if the session has ended or run out."""
    login = find_login_session(session(), token=token, now=now())
    return Viewer(token, login.id, login.method, login.expires_at, login.member) if login else None
