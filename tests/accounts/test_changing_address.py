"""Changing an address: both mailboxes, once, with a way back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import address_changes, queries, services
from membership.accounts.models import AddressChange, LoginSession, Member
from membership.accounts.services.sessions import end_sessions
from membership.db import transaction
from membership.errors import Conflict, NotFound
from tests.accounts.test_asking_address import acts, addresses_of
from tests.conftest import NOW, SECRET_KEY, make_sessions
from tests.factories.accounts import BROWSER, ask_for_mail, make_member, make_staff, make_typed_member, race
from tests.factories.addresses import answer, ask_change, mail_kinds, order_change, render, the_change, token_to

DAY = timedelta(days=1)
OLD, NEW = "reader@example.org", "new@example.org"


def signed_in(session: Session, member_id: int, method: str = "mail") -> int:
    """Sign a browser in and return its session's id."""
    token = services.start_session(session, member_id=member_id, method=method, now=NOW)
    found = queries.find_login_session(session, token=token, now=NOW)
    session.commit()
    assert found is not None
    return found.id


def live_sessions(session: Session) -> list[int]:
    found = list(session.scalars(select(LoginSession.id).where(LoginSession.ended_at.is_(None))))
    session.commit()
    return found


def changed(session: Session) -> Member:
    """A member whose address was changed by both mailboxes."""
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    assert [answer(session, token).state for token in tokens] == ["open", "done"]
    return member


def undo_token(session: Session) -> str:
    letter = render(session, "address_changed")
    assert letter is not None
    token: str = letter.context["token"]
    return token


def finish(session: Session, *, later: timedelta) -> int:
    return services.finish_address_changes(session, now=NOW + later)


def test_an_unknown_link_changes_nothing(session: Session) -> None:
    ask_change(session, make_member(session).id)

    for token in ("", "x", "é" * 43, "\ud800"):
        with pytest.raises(NotFound):
            answer(session, token)
        with pytest.raises(NotFound):
            services.undo_address_change(session, token=token, now=NOW)


@pytest.mark.parametrize("mailbox", ["old", "new"])
def test_one_mailbox_alone_changes_nothing(session: Session, mailbox: str) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    here = signed_in(session, member.id)
    token = token_to(session, mailbox)

    said = [answer(session, token, session_id=here).state for _ in range(3)]

    assert said == ["open", "open", "open"]
    assert finish(session, later=DAY) == 0
    assert (addresses_of(session), live_sessions(session)) == ([(OLD, None)], [here])


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_both_in_any_order_change_it_and_sign_everybody_out(session: Session, order: tuple[str, str]) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in order]
    signed_in(session, member.id)

    said = [answer(session, token) for token in (*tokens, tokens[0])]

    assert said == [services.Answered("open"), services.Answered("done"), services.Answered("done")]
    assert (addresses_of(session), live_sessions(session)) == ([(NEW, None)], [])
    change = the_change(session)
    assert (change.done_at, change.undo_until) == (NOW, NOW + 7 * DAY)
    assert mail_kinds(session)[2:] == ["address_changed", "address_changed_new"]
    assert acts(session) == [("address.changed", None)]
    letters = [render(session, kind) for kind in ("address_changed", "address_changed_new")]
    assert [letter.to for letter in letters if letter] == [OLD, NEW]


def test_the_members_own_browser_that_confirms_last_gets_a_new_session(session: Session) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    here = signed_in(session, member.id)
    answer(session, tokens[0])

    done = answer(session, tokens[1], session_id=here, browser_hash=b"b" * 32)

    assert done.token is not None
    fresh = queries.find_login_session(session, token=done.token, now=NOW)
    assert fresh is not None
    assert (fresh.member_id, fresh.method, [fresh.id]) == (member.id, "mail", live_sessions(session))
    assert fresh.id != here


def test_a_strangers_browser_and_a_passkeys_session_get_none(session: Session) -> None:
    member, other = make_member(session), make_member(session, "other@example.org")
    for whose, method in ((other.id, "mail"), (member.id, "passkey")):
        ask_change(session, member.id, f"{method}@example.org")
        tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
        here = signed_in(session, whose, method)
        answer(session, tokens[0])

        assert answer(session, tokens[1], session_id=here) == services.Answered("done")


def test_after_two_days_the_links_are_dead(session: Session) -> None:
    ask_change(session, make_member(session).id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    answer(session, tokens[0])
    late = NOW + timedelta(hours=48)

    assert answer(session, tokens[1], now=late).state == "expired"
    assert (finish(session, later=2 * DAY), finish(session, later=2 * DAY)) == (1, 0)
    assert the_change(session).refused_at == late
    assert addresses_of(session) == [(OLD, None)]


def test_the_old_mailbox_that_knows_nothing_of_it_stops_it_and_signs_everybody_out(session: Session) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    signed_in(session, member.id)
    answer(session, tokens[1])

    assert [answer(session, tokens[0], agrees=agrees).state for agrees in (False, True)] == ["refused", "refused"]
    assert (addresses_of(session), live_sessions(session)) == ([(OLD, None)], [])


def test_the_new_mailbox_that_knows_nothing_of_it_stops_it_and_signs_nobody_out(session: Session) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    here = signed_in(session, member.id)

    assert answer(session, token_to(session, "new"), agrees=False).state == "refused"
    assert live_sessions(session) == [here]


def test_an_address_that_somebody_else_has_proved_meanwhile_stays_theirs(session: Session) -> None:
    ask_change(session, make_member(session).id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    answer(session, tokens[1])
    make_member(session, NEW)

    assert answer(session, tokens[0]).state == "refused"
    assert addresses_of(session) == [(OLD, None), (NEW, None)]
    told = render(session, "address_taken")
    assert told is not None
    assert (told.to, told.template, mail_kinds(session)[2:]) == (NEW, "address_taken", ["address_taken"])


def test_somebody_who_only_typed_the_new_address_does_not_stand_in_the_way(session: Session) -> None:
    make_typed_member(session, NEW)
    changed(session)

    assert addresses_of(session) == [(None, NEW), (NEW, None)]


def test_a_sign_in_asked_for_under_the_old_address_opens_nothing_any_more(session: Session) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    _token, code = ask_for_mail(session, OLD)
    for token in tokens:
        answer(session, token)

    with pytest.raises(services.SignInFailed):
        services.finish_sign_in_with_code(session, typist=services.Typist(BROWSER), code=code, secret_key=SECRET_KEY, now=NOW)
    assert live_sessions(session) == []


def test_twenty_that_confirm_at_once_change_it_once(session: Session, engine: Engine) -> None:
    member = make_member(session)
    ask_change(session, member.id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")] * 6
    here = signed_in(session, member.id)

    answered = race(engine, lambda own: answer(own, tokens.pop(), session_id=here), racers=12)

    assert len([each for each in answered if each.token is not None]) == 1
    assert (addresses_of(session), len(live_sessions(session)), acts(session)) == ([(NEW, None)], 1, [("address.changed", None)])


def test_two_members_who_want_one_address_do_not_both_get_it(session: Session, engine: Engine) -> None:
    people = [make_member(session, email) for email in (OLD, "other@example.org")]
    last = []
    for person in people:
        ask_change(session, person.id)
        tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
        answer(session, tokens[0])
        last.append(tokens[1])

    states = sorted(each.state for each in race(engine, lambda own: answer(own, last.pop()), racers=2))

    assert states == ["done", "refused"]
    assert [email for email, _typed in addresses_of(session)].count(NEW) == 1


def test_the_old_mailbox_takes_its_account_back(session: Session) -> None:
    member = changed(session)
    token = undo_token(session)
    signed_in(session, member.id)

    services.undo_address_change(session, token=token, now=NOW + 6 * DAY)

    assert (addresses_of(session), live_sessions(session)) == ([(OLD, None)], [])
    assert (the_change(session).undone_at, acts(session)[1:]) == (NOW + 6 * DAY, [("address.undone", None)])
    told = render(session, "address_restored")
    assert told is not None
    assert told.to == OLD
    with pytest.raises(NotFound):  # it works once
        services.undo_address_change(session, token=token, now=NOW + 6 * DAY)


def test_an_old_address_that_was_only_typed_is_so_again_after_an_undo(session: Session) -> None:
    member = make_typed_member(session, OLD)
    order_change(session, member.id, make_staff(session, "treasurer").id)
    answer(session, token_to(session, "new"))
    finish(session, later=3 * DAY)
    token = undo_token_at(session, NOW + 3 * DAY)
    assert addresses_of(session)[0] == (NEW, None)

    services.undo_address_change(session, token=token, now=NOW + 4 * DAY)

    assert addresses_of(session)[0] == (None, OLD)
    told = render(session, "address_restored")
    assert told is not None
    assert told.to == OLD


def test_after_seven_days_nothing_is_taken_back(session: Session) -> None:
    changed(session)
    token = undo_token(session)

    with pytest.raises(NotFound):
        services.undo_address_change(session, token=token, now=NOW + 7 * DAY)
    assert addresses_of(session) == [(NEW, None)]


def test_an_old_address_that_somebody_else_has_proved_meanwhile_stays_theirs(session: Session) -> None:
    changed(session)
    token = undo_token(session)
    make_member(session, OLD)

    with pytest.raises(Conflict):
        services.undo_address_change(session, token=token, now=NOW)
    assert addresses_of(session) == [(NEW, None), (OLD, None)]


def test_who_took_an_account_over_twice_loses_it_to_the_first_mailbox_for_good(session: Session) -> None:
    member = changed(session)
    first = undo_token(session)
    ask_change(session, member.id, "third@example.org")
    for token in [token_to(session, mailbox) for mailbox in ("old", "new")]:
        answer(session, token)
    second = undo_token(session)
    ask_change(session, member.id, "fourth@example.org")
    fourth = [token_to(session, mailbox) for mailbox in ("old", "new")]

    services.undo_address_change(session, token=first, now=NOW)

    assert addresses_of(session) == [(OLD, None)]
    with pytest.raises(NotFound):
        services.undo_address_change(session, token=second, now=NOW)
    assert {answer(session, token).state for token in fourth} == {"refused"}
    assert addresses_of(session) == [(OLD, None)]


def test_one_change_that_can_not_be_made_stops_neither_the_others_nor_forgetting(session: Session) -> None:
    broken, member = make_member(session, "broken@example.org"), make_member(session)
    agreed = {"asked_at": NOW, "expires_at": NOW + DAY, "old_confirmed_at": NOW, "new_confirmed_at": NOW, "not_before": NOW}
    with transaction(session):
        for who, new_email in ((broken, "IN.CAPITALS@example.org"), (member, NEW)):
            session.add(AddressChange(member_id=who.id, old_email=who.email, new_email=new_email, old_was_proved=True, **agreed))

    assert (finish(session, later=timedelta(0)), finish(session, later=timedelta(0))) == (1, 0)
    assert addresses_of(session) == [("broken@example.org", None), (NEW, None)]
    assert services.forget_address_changes(session, now=NOW + 31 * DAY) == 1


# The mailbox is lost.


def lost(session: Session) -> tuple[Member, str, str]:
    """A member for whom staff ordered another address, and what both mailboxes got."""
    member = make_member(session)
    order_change(session, member.id, make_staff(session, "treasurer").id)
    return member, token_to(session, "old"), token_to(session, "new")


def test_what_staff_ordered_changes_after_three_days_if_the_new_mailbox_agrees(session: Session) -> None:
    _member, _old, new = lost(session)

    assert answer(session, new).state == "open"
    before = [finish(session, later=later) for later in (timedelta(0), 3 * DAY - timedelta(seconds=1))]
    assert (before, addresses_of(session)[0]) == ([0, 0], (OLD, None))

    assert (finish(session, later=3 * DAY), finish(session, later=3 * DAY)) == (1, 0)
    assert addresses_of(session)[0] == (NEW, None)
    assert [act for act, _ in acts(session)] == ["address.ordered", "address.changed"]
    assert undo_token_at(session, NOW + 3 * DAY) != ""


def undo_token_at(session: Session, now: object) -> str:
    letter = render(session, "address_changed", now=now)  # type: ignore[arg-type]
    return letter.context["token"] if letter else ""


def test_after_three_days_the_new_mailboxs_yes_changes_it_at_once(session: Session) -> None:
    _member, _old, new = lost(session)

    assert answer(session, new, now=NOW + 4 * DAY).state == "done"
    assert addresses_of(session)[0] == (NEW, None)


def test_without_the_new_mailbox_nothing_changes_ever(session: Session) -> None:
    _member, _old, new = lost(session)

    assert (finish(session, later=4 * DAY), finish(session, later=10 * DAY)) == (0, 1)
    assert answer(session, new, now=NOW + 10 * DAY).state == "refused"
    assert addresses_of(session)[0] == (OLD, None)
    assert [act for act, _ in acts(session)] == ["address.ordered", "address.expired"]


def test_the_old_mailbox_that_is_not_lost_stops_it(session: Session) -> None:
    member, old, new = lost(session)
    here = signed_in(session, member.id)
    answer(session, new)

    assert answer(session, old, agrees=False, now=NOW + 2 * DAY).state == "refused"

    assert finish(session, later=4 * DAY) == 0
    assert (addresses_of(session)[0], live_sessions(session)) == ((OLD, None), [here])
    assert [act for act, _ in acts(session)] == ["address.ordered", "address.refused"]


def test_somebody_who_has_come_to_work_here_meanwhile_is_not_changed(session: Session) -> None:
    member, _old, new = lost(session)
    answer(session, new)
    services.grant_role(session, member_id=member.id, role="editor", actor_id=None, now=NOW)

    finish(session, later=3 * DAY)

    assert addresses_of(session)[0] == (OLD, None)
    assert the_change(session).refused_at == NOW + 3 * DAY


def test_for_somebody_without_any_address_the_new_mailbox_alone_is_asked(session: Session) -> None:
    typed = make_typed_member(session, OLD)
    order_change(session, typed.id, make_staff(session, "treasurer").id)

    assert mail_kinds(session) == ["address_change_old", "address_change_new"]
    answer(session, token_to(session, "new"))
    finish(session, later=3 * DAY)
    assert addresses_of(session)[0] == (NEW, None)


def test_a_change_is_forgotten_after_a_month(session: Session) -> None:
    changed(session)

    forgotten = [services.forget_address_changes(session, now=NOW + days * DAY) for days in (30, 31, 31)]

    assert (forgotten, list(session.scalars(select(AddressChange)))) == ([0, 1, 0], [])


def test_a_link_that_a_newer_mail_has_replaced_speaks_for_neither_mailbox(session: Session) -> None:
    ask_change(session, make_member(session).id)
    tokens = [token_to(session, mailbox) for mailbox in ("old", "new")]
    assert [address_changes.mailbox_of(the_change(session), token) for token in tokens] == ["old", "new"]
    token_to(session, "old")

    with pytest.raises(NotFound):
        address_changes.mailbox_of(the_change(session), tokens[0])


def test_a_sign_in_that_waits_for_a_change_of_address_opens_nothing(session: Session, engine: Engine) -> None:
    member = make_member(session)
    token, _code = ask_for_mail(session, OLD)

    def finish_elsewhere() -> services.SignedIn:
        with make_sessions(engine)() as own:
            typist = services.Typist(BROWSER)
            return services.finish_sign_in_with_link(own, token=token, typist=typist, code="", secret_key=SECRET_KEY, now=NOW)

    with ThreadPoolExecutor(1) as pool:
        with transaction(session):
            locked = queries.lock_member(session, member.id)
            waiting = pool.submit(finish_elsewhere)
            with pytest.raises(TimeoutError):  # it stands before our lock, or has not come so far: either way it must not win
                waiting.result(timeout=1)
            locked.email = NEW
            end_sessions(session, member.id, NOW)
        with pytest.raises(services.SignInFailed):
            waiting.result(timeout=20)

    assert live_sessions(session) == []
