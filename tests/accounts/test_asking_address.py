"""Asking for another address: who may, how often, and what nobody learns by it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import address_changes, services
from membership.accounts.models import AddressChange, Member
from membership.accounts.queries import find_member_who_may_prove
from membership.audit import AuditEntry
from membership.errors import Conflict, NotAllowed, NotFound, TooOften
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import make_member, make_staff, make_typed_member, race
from tests.factories.addresses import ask_change, mail_kinds, order_change, render, the_change, token_to


def correct(session: Session, member_id: int, new_email: str, **when: timedelta) -> None:
    now = NOW + when.get("later", timedelta())
    services.correct_typed_address(session, member_id=member_id, new_email=new_email, secret_key=SECRET_KEY, now=now)


def addresses_of(session: Session) -> list[tuple[str | None, str | None]]:
    rows = session.execute(select(Member.email, Member.typed_email).order_by(Member.id))
    found = [(email, typed) for email, typed in rows]
    session.commit()
    return found


def acts(session: Session) -> list[tuple[str, int | None]]:
    found = [(act, actor) for act, actor in session.execute(select(AuditEntry.act, AuditEntry.actor_id).order_by(AuditEntry.id))]
    session.commit()
    return [(act, actor) for act, actor in found if act.startswith("address.")]


@pytest.mark.parametrize("typed", ["", "nobody", "a@b", "new@example.org, b@example.org"])
def test_what_is_no_address_asks_nobody(session: Session, typed: str) -> None:
    member = make_member(session)
    staff = make_staff(session, "treasurer")

    for ask in (
        lambda: ask_change(session, member.id, typed),
        lambda: correct(session, member.id, typed),
        lambda: order_change(session, member.id, staff.id, typed),
    ):
        with pytest.raises(ValueError):
            ask()

    assert mail_kinds(session) == []


def test_the_address_that_somebody_has_is_not_asked_for(session: Session) -> None:
    member, typed = make_member(session), make_typed_member(session)

    with pytest.raises(Conflict):
        ask_change(session, member.id, " Reader@EXAMPLE.org")
    with pytest.raises(Conflict):
        correct(session, typed.id, "TYPED@example.org")

    assert mail_kinds(session) == []


def test_a_proved_address_is_not_simply_corrected_and_a_typed_one_not_asked_about(session: Session) -> None:
    member, typed = make_member(session), make_typed_member(session)

    with pytest.raises(Conflict):
        correct(session, member.id, "new@example.org")
    with pytest.raises(Conflict):
        ask_change(session, typed.id)

    assert addresses_of(session) == [("reader@example.org", None), (None, "typed@example.org")]


def test_a_member_may_ask_five_times_a_day(session: Session) -> None:
    member = make_member(session)
    for number in range(5):
        ask_change(session, member.id, f"new{number}@example.org")

    with pytest.raises(TooOften) as refused:
        ask_change(session, member.id, "new5@example.org")

    assert refused.value.retry_at == NOW + timedelta(days=1)
    assert the_change(session).new_email == "new4@example.org"


def test_a_mailbox_gets_three_such_mails_an_hour_and_one_more_from_each_who_asks_first(session: Session) -> None:
    people = [make_member(session, f"r{number}@example.org") for number in range(4)]
    for person in people:
        ask_change(session, person.id)

    with pytest.raises(TooOften) as refused:
        ask_change(session, people[3].id)

    assert refused.value.retry_at == NOW + timedelta(hours=1)
    assert the_change(session).refused_at is None  # what was asked before stays open
    ask_change(session, people[3].id, now=NOW + timedelta(hours=1, seconds=1))


def test_strangers_who_fill_a_mailbox_stop_neither_its_owner_nor_staff(session: Session) -> None:
    owner, lost, typed = make_member(session), make_member(session, "lost@example.org"), make_typed_member(session)
    treasurer = make_staff(session, "treasurer")
    for number in range(3):
        stranger = make_member(session, f"r{number}@example.org").id
        for target in ("new@example.org", "found@example.org", "right@example.org"):
            ask_change(session, stranger, target)

    ask_change(session, owner.id, "new@example.org")
    order_change(session, lost.id, treasurer.id, "found@example.org")
    correct(session, typed.id, "right@example.org")

    assert mail_kinds(session)[-5:] == [*["address_change_old", "address_change_new"] * 2, "address_typed"]


def test_both_mailboxes_are_asked_and_tokens_are_kept_as_hashes(session: Session) -> None:
    member = make_member(session)

    ask_change(session, member.id, " New@Example.ORG ")

    old, new = render(session, "address_change_old"), render(session, "address_change_new")
    assert old is not None
    assert new is not None
    assert [(each.to, each.template) for each in (old, new)] == [
        ("reader@example.org", "address_change_old"),
        ("new@example.org", "address_change_new"),
    ]
    assert old.context["new"] == "n…@…"
    kept = the_change(session)
    assert (kept.old_email, kept.new_email, kept.expires_at) == ("reader@example.org", "new@example.org", NOW + timedelta(hours=48))
    assert all(each.context["token"].encode() not in (kept.old_token_hash, kept.new_token_hash) for each in (old, new))


def test_of_a_mail_rendered_twice_only_the_newest_link_works(session: Session) -> None:
    ask_change(session, make_member(session).id)
    first, second = token_to(session, "old"), token_to(session, "old")

    assert address_changes.find_by_token(session, first) is None
    assert address_changes.find_by_token(session, second) is not None


def test_a_newer_question_refuses_the_older_one(session: Session) -> None:
    member = make_member(session)
    ask_change(session, member.id, "first@example.org")
    token = token_to(session, "new")

    ask_change(session, member.id, "second@example.org")

    assert services.answer_address_change(session, token=token, agrees=True, now=NOW).state == "refused"
    open_ = [(row.new_email, row.refused_at) for row in address_changes.changes_of(session, member.id)]
    assert open_ == [("second@example.org", None), ("first@example.org", NOW)]


def test_of_twenty_that_ask_at_once_one_question_is_open(session: Session, engine: Engine) -> None:
    member = make_member(session)

    def ask(own: Session) -> str:
        try:
            ask_change(own, member.id)
        except TooOften:
            return "too often"
        return "asked"

    assert sorted(race(engine, ask)) == ["asked"] * 3 + ["too often"] * 17
    waiting = select(AddressChange.id).where(AddressChange.refused_at.is_(None))
    assert len(list(session.scalars(waiting))) == 1


def test_somebody_elses_address_is_asked_for_like_any_other_and_only_its_mailbox_learns_more(session: Session) -> None:
    member = make_member(session)
    make_member(session, "taken@example.org")

    ask_change(session, member.id, "taken@example.org")

    letter = render(session, "address_change_new")
    assert letter is not None
    assert (letter.to, letter.template, letter.context) == ("taken@example.org", "address_taken", {"address": "taken@example.org"})
    assert mail_kinds(session) == ["address_change_old", "address_change_new"]


def test_what_was_taken_back_asks_nobody_any_more(session: Session) -> None:
    member, other = make_member(session), make_member(session, "other@example.org")
    ask_change(session, member.id)
    change = the_change(session)

    with pytest.raises(NotFound):
        services.take_back_address_change(session, change_id=change.id, member_id=other.id, actor_id=other.id, now=NOW)
    for _ in range(2):
        services.take_back_address_change(session, change_id=change.id, member_id=member.id, actor_id=member.id, now=NOW)

    assert the_change(session).refused_at == NOW
    assert render(session, "address_change_old") is None
    assert render(session, "address_change_new") is None


def test_a_typed_address_is_corrected_at_once_and_nobodys_account_is_touched(session: Session) -> None:
    owner, typed = make_member(session), make_typed_member(session)

    correct(session, typed.id, "READER@example.org")

    assert addresses_of(session) == [("reader@example.org", None), (None, "reader@example.org")]
    assert the_owner_changed_at(session, owner.id) is None
    # Its mailbox would let somebody else in, so that this mail says nothing.
    assert render(session, "address_typed", {"member_id": typed.id}) is None


def the_owner_changed_at(session: Session, member_id: int) -> object:
    found = session.scalar(select(Member.address_changed_at).where(Member.id == member_id))
    session.commit()
    return found


def test_an_older_account_does_not_step_before_whoever_had_the_address_by_then(session: Session) -> None:
    older, owner = make_typed_member(session, "other@example.org"), make_typed_member(session)

    correct(session, older.id, "typed@example.org", later=timedelta(minutes=1))

    found = find_member_who_may_prove(session, "typed@example.org")
    assert (found.id if found else None, older.id < owner.id) == (owner.id, True)
    assert render(session, "address_typed", {"member_id": older.id}) is None


def test_a_corrected_address_is_told_that_it_was_given(session: Session) -> None:
    typed = make_typed_member(session)

    correct(session, typed.id, "right@example.org")

    letter = render(session, "address_typed", {"member_id": typed.id})
    assert letter is not None
    assert (letter.to, letter.template) == ("right@example.org", "address_typed")
    assert the_owner_changed_at(session, typed.id) == NOW


def test_staff_are_not_given_another_address_by_staff(session: Session) -> None:
    treasurer, colleague = make_staff(session, "treasurer"), make_staff(session, "admin", email="admin@example.org")

    with pytest.raises(NotAllowed):
        order_change(session, colleague.id, treasurer.id)

    assert (mail_kinds(session), acts(session)) == ([], [])


def test_what_staff_order_waits_three_days_and_is_audited_without_an_address(session: Session) -> None:
    member, treasurer = make_member(session), make_staff(session, "treasurer")

    order_change(session, member.id, treasurer.id)

    change = the_change(session)
    assert (change.ordered_by, change.not_before, change.expires_at) == (
        treasurer.id,
        NOW + timedelta(days=3),
        NOW + timedelta(days=10),
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "address.ordered")).one()
    assert (entry.subject_id, entry.reason, entry.details) == (
        str(member.id),
        "called us, knows the last four payments",
        {"change": change.id},
    )


def test_an_owner_takes_back_what_staff_ordered(session: Session) -> None:
    member, treasurer = make_member(session), make_staff(session, "treasurer")
    order_change(session, member.id, treasurer.id)

    change_id = the_change(session).id
    services.take_back_address_change(session, change_id=change_id, member_id=member.id, actor_id=member.id, now=NOW)

    assert acts(session) == [("address.ordered", treasurer.id), ("address.taken_back", member.id)]
