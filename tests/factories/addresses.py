"""Changes of addresses for tests: asked for, and their mails rendered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import services
from membership.accounts.address_letters import letters
from membership.accounts.models import AddressChange
from membership.db import transaction
from membership.outbox import Letter, OutboxItem
from tests.conftest import NOW, SECRET_KEY


def ask_change(session: Session, member_id: int, new_email: str = "new@example.org", *, now: datetime = NOW) -> None:
    """A member asks for another address."""
    services.ask_address_change(session, member_id=member_id, new_email=new_email, secret_key=SECRET_KEY, now=now)


def order_change(
    session: Session, member_id: int, actor_id: int, new_email: str = "new@example.org", *, now: datetime = NOW
) -> None:
    """Staff order another address for somebody whose mailbox is lost."""
    services.order_address_change(
        session,
        member_id=member_id,
        new_email=new_email,
        reason="called us, knows the last four payments",
        actor_id=actor_id,
        secret_key=SECRET_KEY,
        now=now,
    )


def the_change(session: Session) -> AddressChange:
    """The newest change of anybody."""
    newest = select(AddressChange).order_by(AddressChange.id.desc()).limit(1)
    found = session.scalars(newest.execution_options(populate_existing=True)).one()
    session.commit()
    return found


def render(session: Session, kind: str, payload: Mapping[str, Any] | None = None, *, now: datetime = NOW) -> Letter | None:
    """Render one mail about the newest change, or about what the payload names."""
    named = payload or {"change_id": the_change(session).id}
    with transaction(session):
        return letters()[kind](session, named, now)


def token_to(session: Session, mailbox: str, *, now: datetime = NOW) -> str:
    """The token that the old or the new mailbox gets."""
    letter = render(session, f"address_change_{mailbox}", now=now)
    assert letter is not None
    token: str = letter.context["token"]
    return token


def answer(session: Session, token: str, *, agrees: bool = True, now: datetime = NOW, **browser: Any) -> services.Answered:
    """Answer as the mailbox with this token."""
    return services.answer_address_change(session, token=token, agrees=agrees, now=now, **browser)


def mail_kinds(session: Session) -> list[str]:
    """The kinds of mails that are to be sent, in their order."""
    kinds = list(session.scalars(select(OutboxItem.kind).order_by(OutboxItem.id)))
    session.commit()
    return kinds
