"""The signed-in browser as flask-login sees it: its id is the random id of a server-side session."""

from dataclasses import dataclass

from membership.accounts.models import Member
from membership.accounts.queries import find_login_session
from membership.web.database import now, session


@dataclass(frozen=True)
class Viewer:
    """Who is looking, and through which session."""

    token: str
    session_id: int
    method: str
    member: Member

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token

    @property
    def is_staff(self) -> bool:
        """Whether this person works here."""
        return self.member.is_staff

    @property
    def display_name(self) -> str:
        """How the person is greeted."""
        return self.member.display_name or self.member.email or self.member.typed_email or ""


def load_viewer(token: str) -> Viewer | None:
    """Return who is signed in by this token, None if the session has ended or run out."""
    login = find_login_session(session(), token=token, now=now())
    return Viewer(token, login.id, login.method, login.member) if login else None
