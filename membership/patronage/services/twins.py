"""Two memberships under one typed address: its mailbox is asked once whether both are the same person (DESIGN §4.6)."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from membership import audit, outbox
from membership.accounts.models import LoginSession, Member
from membership.accounts.queries import find_member_who_may_prove
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage import twins
from membership.patronage.models import (
    BankTransfer,
    CheckoutAttempt,
    DeclinedCharge,
    Dispute,
    FreeSeatRequest,
    Gift,
    MemberNote,
    PaidPeriod,
    PatreonMember,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TransferReference,
    TwinNotice,
)

JOINED = "joined"
TWIN_DECISIONS = (JOINED, "not_me")
MAIL = "twin"
# Whose something is; who did something (decided_by, author_id) stays who it was.
MOVED: tuple[InstrumentedAttribute[int] | InstrumentedAttribute[int | None], ...] = (
    CheckoutAttempt.member_id,
    Subscription.member_id,
    StripeCustomer.member_id,
    Payment.member_id,
    # Before the time that it gave, as where its money goes back.
    Gift.redeemed_by,
    PaidPeriod.member_id,
    DeclinedCharge.member_id,
    Dispute.member_id,
    RefundOrder.member_id,
    FreeSeatRequest.member_id,
    BankTransfer.member_id,
    PatreonMember.member_id,
    MemberNote.member_id,
    OutboxItem.member_id,
)


def notice_twins(session: Session, *, now: datetime) -> int:
    """Ask the mailbox of each address under which a second membership was begun; once for each. Returns how many were asked."""
    asked = 0
    for later_id, earlier_id in twins.unnoticed_twins(session):
        with transaction(session):
            asked += _notice(session, later_id, earlier_id, now)
    return asked


def decide_twin(session: Session, *, key: UUID, decision: str, now: datetime) -> str:
    """Do once what a mailbox says about the later membership under its address, and return what was decided, now or before.

    joined: everything of the later one is the earlier one's, where a second running subscription then ends as a duplicate. not_me:
    the later one goes on without this address. Raises NotFound, Conflict if there is nothing left to decide.
    """
    with transaction(session):
        notice = twins.find_notice(session, key, lock=True)
        if notice is None:
            raise NotFound("There is nothing to answer any more.")
        if notice.decision is not None:
            return notice.decision
        _lock_what_pays(session, notice.member_id)
        later, earlier = _locked_pair(session, notice)
        if decision == JOINED:
            _join(session, later, earlier, now)
        else:
            later.typed_email = None
        notice.earlier_member_id = earlier.id
        notice.decision, notice.decided_at = decision, now
        subject = ("member", later.id)
        audit.record(session, act=f"twin.{decision}", subject=subject, actor_id=None, now=now, earlier=earlier.id)
        return decision


def _notice(session: Session, later_id: int, earlier_id: int, now: datetime) -> int:
    values = {"earlier_member_id": earlier_id, "key": uuid4(), "noticed_at": now, "decision": None, "decided_at": None}
    corrected_at = select(Member.address_changed_at).where(Member.id == later_id).scalar_subquery()
    ask = insert_into(session, TwinNotice).values(member_id=later_id, **values)
    # A question about an address that was corrected since is asked of the new one's mailbox instead; its own link is dead by that.
    written = ask.on_conflict_do_update(
        index_elements=[TwinNotice.member_id], set_=values, where=TwinNotice.noticed_at <= corrected_at
    )
    key = session.scalar(written.returning(TwinNotice.key))
    if key is None:  # another worker was faster
        return 0
    outbox.enqueue(session, kind=MAIL, key=f"{MAIL}:{key}", payload={"key": str(key)}, member_id=earlier_id, now=now)
    return 1


def _lock_what_pays(session: Session, member_id: int) -> None:
    """Wait for what is being written about the later one's payments; in the order in which that is locked there.

    Transfers and charges too, whose movers and refunders hold them while they wait for the member.
    """
    for model in (CheckoutAttempt, Subscription, BankTransfer, Payment):
        rows = select(model).where(model.member_id == member_id).order_by(*model.__table__.primary_key)
        session.scalars(rows.with_for_update().execution_options(populate_existing=True)).all()


def _locked_pair(session: Session, notice: TwinNotice) -> tuple[Member, Member]:
    """Return the later and the earlier member; Conflict if they have nothing in common any more."""
    ids = (notice.member_id, notice.earlier_member_id)
    rows = select(Member).where(Member.id.in_(ids)).order_by(Member.id)
    found = {row.id: row for row in session.scalars(rows.with_for_update().execution_options(populate_existing=True))}
    later = found[notice.member_id]
    owner = find_member_who_may_prove(session, later.typed_email) if later.typed_email else None
    corrected_at = later.address_changed_at
    is_corrected = corrected_at is not None and corrected_at >= notice.noticed_at
    # Its own address was proved or corrected since: this mailbox has no say in it any more.
    if later.email is not None or is_corrected or owner is None or owner.id == later.id:
        raise Conflict("There is nothing to answer any more: the newer membership has another address now.")
    return later, owner


def _join(session: Session, later: Member, earlier: Member, now: datetime) -> None:
    address = earlier.address
    for column in MOVED:
        session.execute(update(column.class_).where(column == later.id).values({column.key: earlier.id}))
    _move_reference(session, later.id, earlier.id, address)
    session.execute(update(TwinNotice).where(TwinNotice.earlier_member_id == later.id).values(earlier_member_id=earlier.id))
    later.typed_email = None
    # Nothing is left to look at in the one; the other may have been begun by a stranger, as long as no mailbox has proved it.
    ids = [later.id] if earlier.email else [later.id, earlier.id]
    open_ = (LoginSession.member_id.in_(ids), LoginSession.ended_at.is_(None))
    session.execute(update(LoginSession).where(*open_).values(ended_at=now))


def _move_reference(session: Session, later_id: int, earlier_id: int, address: str | None) -> None:
    """Let transfers under either reference be the earlier one's; a member has one, so a second goes by the address."""
    has_one = session.scalar(select(TransferReference.reference).where(TransferReference.member_id == earlier_id))
    owner = {"member_id": None, "email": address} if has_one else {"member_id": earlier_id}
    session.execute(update(TransferReference).where(TransferReference.member_id == later_id).values(**owner))
