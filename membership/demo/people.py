"""The demo's staff, its plan, and its patrons with what they pay."""

from datetime import datetime, timedelta

from membership.accounts import services as accounts
from membership.demo import content
from membership.demo.newsroom import PATRON, Newsroom
from membership.patronage.services import contributions, plans

YEARLY_MINOR = 36_00
FREE_SEATS = 12


def hire(newsroom: Newsroom) -> None:
    """Let the staff come in, with their roles."""
    now = newsroom.go_to(-95)
    for person in content.read_yaml("newsroom.yaml")["staff"]:
        member_id = accounts.create_member(
            newsroom.session, email=person["email"], display_name=person["display_name"], language=person["language"], now=now
        )
        newsroom.staff[person["email"]] = member_id
        for role in {*person["roles"], "counter"}:  # checking a box takes two people
            accounts.grant_role(newsroom.session, member_id=member_id, role=role, actor_id=None, now=now)


def found(newsroom: Newsroom) -> None:
    """Offer the one plan."""
    amounts = content.read_yaml("newsroom.yaml")["support"]["amounts_minor"]
    plans.ensure_plan(
        newsroom.session,
        key="patron",
        name="Patron",
        currency=newsroom.settings.currency,
        minimums={every: presets[0] for every, presets in amounts.items()},
        presets=amounts,
        now=newsroom.go_to(-95),
    )


def gather_patrons(newsroom: Newsroom) -> None:
    """Let the patrons join and pay; of mails about votes and stories only the one whose mailbox visitors look into wants any."""
    people = content.read_yaml("people.yaml")["patrons"]
    for number, person in enumerate(people, start=1):
        now = newsroom.go_to(-92 + number / len(people) * 10)
        address = PATRON if number == 1 else f"reader{number:03}@readers.example"
        member_id = accounts.create_member(
            newsroom.session, email=address, display_name=person["name"], language=person["language"], now=now
        )
        newsroom.patrons.append(member_id)
        if address != PATRON:
            accounts.choose_mails(newsroom.session, member_id=member_id, wanted=frozenset(), now=now)
        _pay(newsroom, member_id, number=number, free=number > len(people) - FREE_SEATS, now=now)


def _pay(newsroom: Newsroom, member_id: int, *, number: int, free: bool, now: datetime) -> None:
    if free:
        contributions.grant_free_seat(
            newsroom.session,
            member_id=member_id,
            starts_at=now,
            ends_at=now + timedelta(days=365),
            reference=f"seat-{number}",
            actor_id=newsroom.editor,
            now=now,
        )
        return
    contributions.record_contribution(
        newsroom.session,
        member_id=member_id,
        amount_minor=YEARLY_MINOR,
        currency=newsroom.settings.currency,
        reference=f"transfer-{number:04}",
        received_at=now,
        actor_id=newsroom.counter,
        now=now,
    )
