"""Who somebody is: members, their sign-ins, their sessions, what staff may do, and what becomes of an account."""

from membership.accounts.models.changes import CLOSURE_PARTS, MAIL_GROUPS, AccountClosure, AddressChange, ClosurePart, MailChoice
from membership.accounts.models.passkeys import Invitation, Passkey, PasskeyChallenge, RecoveryCode
from membership.accounts.models.people import ROLES, Member, StaffRole
from membership.accounts.models.signing_in import LoginSession, SignInRequest, StaffLink

__all__ = [
    "CLOSURE_PARTS",
    "MAIL_GROUPS",
    "ROLES",
    "AccountClosure",
    "AddressChange",
    "ClosurePart",
    "Invitation",
    "LoginSession",
    "MailChoice",
    "Member",
    "Passkey",
    "PasskeyChallenge",
    "RecoveryCode",
    "SignInRequest",
    "StaffLink",
    "StaffRole",
]
