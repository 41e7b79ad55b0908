"""What the doctor finds: each thing that is wrong, and nothing where all is well."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member, Passkey, RecoveryCode
from membership.articles.drafts import KEYS
from membership.articles.services import save_text
from membership.audit_check import AuditCheck
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.models import Plan, ReconcileRun
from membership.staff.doctor import FAULT, OK, WARNING, Finding, look_at_rows, look_at_settings
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import make_staff
from tests.factories.patronage import make_plan
from tests.kernel.test_audit import unguarded
from tests.staff.test_queries import stripe_event

SECRET = "test-secret-key-of-32-characters-or-more"


@pytest.fixture
def live(make_settings: SettingsMaker) -> SettingsMaker:
    """Settings of a staging site with some values changed."""

    def make(**changes: str) -> object:
        staging = {"MEMBERSHIP_ENV": "staging", "SITE_URL": "https://gazette.example", "MAIL_URL": "smtp://127.0.0.1"}
        whole = {"LEGAL_ADDRESS": "1 Street", "AUDIT_KEY": "a" * 32, "TRUSTED_PROXY_HOPS": "1", "STRIPE_API_BASE": ""}
        return make_settings(**staging | whole | changes)

    return make


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"LEGAL_ADDRESS": ""}, ["LEGAL_ADDRESS is empty"]),
        ({"AUDIT_KEY": ""}, ["AUDIT_KEY is not set, so the audit trail is signed with SECRET_KEY"]),
        ({"AUDIT_KEY": SECRET}, ["AUDIT_KEY is not set, so the audit trail is signed with SECRET_KEY"]),
        ({"TRUSTED_PROXY_HOPS": "0"}, ["TRUSTED_PROXY_HOPS is 0, though the site is served over https"]),
    ],
)
def test_settings_that_are_not_as_advised_are_warned_of(live: SettingsMaker, changes: dict[str, str], wrong: list[str]) -> None:
    assert [found.says for found in look_at_settings(live(**changes)) if found.state == WARNING] == wrong


def test_the_demo_is_left_in_peace(make_settings: SettingsMaker, session: Session) -> None:
    settings = make_settings()

    assert [found.state for found in look_at_settings(settings)] == [OK]
    assert {found.name for found in look_at_rows(session, settings, at=NOW)} & {"passkeys", "way in"} == set()


def test_where_all_is_well_nothing_is_said(live: SettingsMaker, session: Session) -> None:
    make_well(session)

    assert [found for found in look_at_rows(session, live(), at=NOW) if found.state != OK] == []


def test_of_a_new_newsroom_everything_is_told(live: SettingsMaker, session: Session) -> None:
    assert wrong(session, live) == [
        (WARNING, "audit check", "not checked yet"),
        (FAULT, "admins", "0 of two"),
        (
            WARNING,
            "texts",
            "still drafts: " + ", ".join(f"{key} ({language})" for key in KEYS for language in ("en", "uk")),
        ),
        (WARNING, "plan", "there is nothing to buy"),
        (WARNING, "books", "not compared with Stripe yet"),
    ]


def test_a_single_admin_without_a_way_in_is_a_fault(live: SettingsMaker, session: Session) -> None:
    make_well(session)
    with transaction(session):
        for row in session.scalars(select(Passkey)):
            session.delete(row)

    assert wrong(session, live) == [
        (FAULT, "way in", "no admin has a passkey: nobody can open the desk"),
        (WARNING, "passkeys", "Olena has 0 passkeys and 1 recovery codes"),
        (WARNING, "passkeys", "Taras has 0 passkeys and 1 recovery codes"),
    ]


def test_what_is_late_broken_or_given_up_is_told(live: SettingsMaker, session: Session) -> None:
    make_well(session)
    with transaction(session):
        late = NOW - timedelta(hours=2)
        session.add(OutboxItem(key="late", kind="letter", payload={}, created_at=late, due_at=late))
        session.add(OutboxItem(key="dead", kind="letter", payload={}, created_at=NOW, due_at=NOW, dead_at=NOW))
        session.add(stripe_event("evt_1", tries=2))
        session.add(AuditCheck(at=NOW, last_id=7, head="", faults=[[7, "entry 7: it was taken out"]]))
        session.scalars(select(Plan)).one().stripe_product_id = None
        run = session.scalars(select(ReconcileRun)).one()
        run.error = "Stripe did not answer."

    assert wrong(session, live) == [
        (FAULT, "audit check", "entry 7: it was taken out"),
        (WARNING, "plan", "Stripe has not heard of it"),
        (WARNING, "books", "they differ from Stripe, or don't add up"),
        (WARNING, "webhook", "1 messages from Stripe could not be worked on"),
        (WARNING, "dead letters", "1 mails were given up"),
        (FAULT, "job runner", "1 mails are due for an hour or longer"),
    ]


def test_a_trail_that_could_be_changed_is_a_fault(live: SettingsMaker, session: Session) -> None:
    make_well(session)
    with unguarded(session):
        found = wrong(session, live)

    assert found == [(FAULT, "audit trail", "the database would let it be changed: its triggers are missing")]


def wrong(session: Session, live: SettingsMaker) -> list[tuple[str, str, str]]:
    session.expire_all()
    found: list[Finding] = look_at_rows(session, live(), at=NOW)
    return [(each.state, each.name, each.says) for each in found if each.state != OK]


def make_well(session: Session) -> None:
    """Make a newsroom in which everything is in order."""
    staff = [make_staff(session, "admin", email=f"{name.lower()}@example.org") for name in ("Olena", "Taras")]
    make_plan(session)
    for member in staff:
        equip(session, member, member.email.split("@")[0].title() if member.email else "")
    for key in KEYS:
        for language in ("en", "uk"):
            save_text(session, key=key, language=language, body="Ours", based_on=0, actor_id=staff[0].id, now=NOW)
    with transaction(session):
        session.add(AuditCheck(at=NOW - timedelta(hours=30), last_id=7, head="", faults=[]))
        finished = NOW - timedelta(hours=30)
        session.add(ReconcileRun(is_applied=True, requested_at=finished, started_at=finished, finished_at=finished))
        session.scalars(select(Plan)).one().stripe_product_id = "prod_1"


def equip(session: Session, member: Member, name: str) -> None:
    """Give somebody a name, two passkeys and a recovery code."""
    with transaction(session):
        member.display_name = name
        for number in (1, 2):
            credential = f"{name}-{number}".encode()
            session.add(
                Passkey(member_id=member.id, credential_id=credential, public_key=b"", sign_count=0, name="Key", created_at=NOW)
            )
        session.add(RecoveryCode(member_id=member.id, code_hash=name.encode(), created_at=NOW))
