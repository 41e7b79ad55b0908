"""What accounts knows of one person, for that person. Never a hash, a token or a code."""

from sqlalchemy import false
from sqlalchemy.orm import Session

from membership.accounts.models import (
    AccountClosure,
    AddressChange,
    Invitation,
    LoginSession,
    MailChoice,
    Member,
    Passkey,
    RecoveryCode,
    SignInRequest,
    StaffRole,
)
from membership.accounts.queries import get_member
from membership.outbox import OutboxItem
from membership.personal_rows import PersonalData, rows_of


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return who somebody is, how they sign in, and which mails they got. What goes by an address goes by the proved one alone."""
    email = get_member(session, member_id).email
    by_mailbox = (SignInRequest.email == email, Invitation.email == email) if email else (false(), false())
    return {
        **rows_of(session, Member, Member.id == member_id),
        **rows_of(session, MailChoice, MailChoice.member_id == member_id),
        **rows_of(session, AddressChange, AddressChange.member_id == member_id),
        **rows_of(session, SignInRequest, by_mailbox[0]),
        **rows_of(session, LoginSession, LoginSession.member_id == member_id),
        **rows_of(session, StaffRole, StaffRole.member_id == member_id),
        **rows_of(session, Passkey, Passkey.member_id == member_id),
        **rows_of(session, RecoveryCode, RecoveryCode.member_id == member_id),
        **rows_of(session, Invitation, by_mailbox[1]),
        **rows_of(session, OutboxItem, OutboxItem.member_id == member_id),
        **rows_of(session, AccountClosure, AccountClosure.member_id == member_id),
    }
