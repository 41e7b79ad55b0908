"""What can be done with members, their sign-ins, their sessions and their roles."""

from membership.accounts.services.members import change_settings, create_member
from membership.accounts.services.roles import grant_role, revoke_role
from membership.accounts.services.sessions import add_session, end_other_sessions, end_session, start_session
from membership.accounts.services.signing_in import (
    SignedIn,
    SignInFailed,
    ask_sign_in,
    finish_sign_in_with_code,
    finish_sign_in_with_link,
)
from membership.accounts.services.staff_links import make_staff_link, use_staff_link

__all__ = [
    "SignInFailed",
    "SignedIn",
    "add_session",
    "ask_sign_in",
    "change_settings",
    "create_member",
    "end_other_sessions",
    "end_session",
    "finish_sign_in_with_code",
    "finish_sign_in_with_link",
    "grant_role",
    "make_staff_link",
    "revoke_role",
    "start_session",
    "use_staff_link",
]
