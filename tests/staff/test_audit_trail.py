"""The audit trail, filtered and page by page."""

import pytest
from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.staff.audit_trail import Filter, Page, known_acts, trail
from tests.conftest import NOW
from tests.factories.accounts import make_member


def test_an_empty_trail_has_one_empty_page(session: Session) -> None:
    assert trail(session, Filter()) == Page((), None, None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(act="vote.closed"), ["2"]),
        (Filter(subject_type="round"), ["2", "1"]),
        (Filter(subject_type="round", subject_id="1"), ["1"]),
        (Filter(subject_id="3"), ["3"]),
        (Filter(act="%"), []),
    ],
)
def test_the_filter_takes_exact_values(session: Session, wanted: Filter, found: list[str]) -> None:
    record(session, ("vote.opened", "round", 1), ("vote.closed", "round", 2), ("role.granted", "member", 3))

    assert ids(trail(session, wanted)) == found


def test_the_pages_lead_to_each_other_and_back(session: Session) -> None:
    record(session, *[("act", "thing", number) for number in range(1, 6)])

    newest = trail(session, Filter(), limit=2)
    middle = trail(session, Filter(), before=newest.older_before, limit=2)
    oldest = trail(session, Filter(), before=middle.older_before, limit=2)
    back = trail(session, Filter(), after=oldest.newer_after, limit=2)

    assert [ids(page) for page in (newest, middle, oldest, back)] == [["5", "4"], ["3", "2"], ["1"], ["3", "2"]]
    assert (newest.newer_after, oldest.older_before) == (None, None)
    assert back == middle
    assert trail(session, Filter(), after=back.newer_after, limit=2) == newest


def test_a_line_names_who_did_it(session: Session) -> None:
    named = make_member(session, "olena@example.org", display_name="Olena")
    nameless = make_member(session, "nameless@example.org")
    record(session, ("act", "thing", 0), actor_id=nameless.id)
    record(session, ("act", "thing", 1), actor_id=named.id)
    record(session, ("act", "thing", 2))
    record(session, ("act", "thing", 3), actor_id=404)

    assert [line.actor for line in trail(session, Filter(subject_type="thing")).lines] == ["", "", "Olena", f"#{nameless.id}"]


def test_the_filter_offers_what_was_ever_done(session: Session) -> None:
    record(session, ("vote.opened", "round", 1), ("vote.closed", "round", 1), ("vote.opened", "round", 2))

    assert known_acts(session) == ["vote.closed", "vote.opened"]


def record(session: Session, *acts: tuple[str, str, int], actor_id: int | None = None) -> None:
    with transaction(session):
        for act, subject_type, subject_id in acts:
            audit.record(session, act=act, subject=(subject_type, subject_id), actor_id=actor_id, now=NOW)
            session.flush()


def ids(page: Page) -> list[str]:
    return [line.entry.subject_id for line in page.lines]
