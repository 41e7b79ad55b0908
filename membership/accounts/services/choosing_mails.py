"""Which mails somebody wants."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership.accounts import queries
from membership.accounts.models import MAIL_GROUPS, MailChoice, Member
from membership.db import insert_into, transaction


def choose_mails(session: Session, *, member_id: int, wanted: frozenset[str], now: datetime) -> None:
    """Send a member the groups of mails that they want, and no other."""
    with transaction(session):
        queries.lock_member(session, member_id)  # before their choices, as where their account is shut
        for group in MAIL_GROUPS:
            _switch(session, member_id, group, on=group in wanted, now=now)


def switch_mails(session: Session, *, member_id: int, group: str, on: bool, now: datetime) -> None:
    """Switch one group of mails to a member on or off; safe to repeat. Nothing if the member is gone."""
    with transaction(session):
        if session.get(Member, member_id) is not None:
            _switch(session, member_id, group, on=on, now=now)


def _switch(session: Session, member_id: int, group: str, *, on: bool, now: datetime) -> None:
    if on:
        session.execute(delete(MailChoice).where(MailChoice.member_id == member_id, MailChoice.mail_group == group))
    else:
        off = insert_into(session, MailChoice).values(member_id=member_id, mail_group=group, off_at=now)
        session.execute(off.on_conflict_do_nothing())
