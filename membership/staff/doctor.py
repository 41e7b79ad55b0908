"""Is everything in order for readers, patrons and staff? Looks at settings and rows, asks nobody outside, changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from membership import audit_check, outbox
from membership.accounts.models import Member, Passkey, RecoveryCode, StaffRole
from membership.articles.newsroom_texts import texts
from membership.config import Settings
from membership.outbox import OutboxItem
from membership.patronage.keeping import keeping
from membership.patronage.queries import find_default_plan
from membership.staff.queries import stuck_events

OK, WARNING, FAULT = "ok", "warning", "fault"
# What is done each day should not be older than two.
STALE = timedelta(hours=48)
LATE = timedelta(hours=1)
ADVISED_PASSKEYS = 2


@dataclass(frozen=True)
class Finding:
    """What one look found, and what to do about it."""

    name: str
    state: str
    says: str
    advice: str = ""


def look_at_settings(settings: Settings) -> list[Finding]:
    """Look at what needs no database."""
    if settings.is_demo:
        return [Finding("settings", OK, "this is the demo")]
    return [
        _ask(
            "settings",
            bool(settings.legal_address),
            "who publishes is named",
            "LEGAL_ADDRESS is empty",
            "Set it: the imprint needs it.",
        ),
        _ask(
            "audit key",
            settings.audit_secrets != (settings.secret_key,),
            "the audit trail has a key of its own",
            "AUDIT_KEY is not set, so the audit trail is signed with SECRET_KEY",
            "Set AUDIT_KEY to 32 random characters or more, a comma, and the present SECRET_KEY.",
        ),
        _ask(
            "proxies",
            settings.trusted_proxy_hops > 0,
            f"{settings.trusted_proxy_hops} in front",
            "TRUSTED_PROXY_HOPS is 0, though the site is served over https",
            "If a proxy of yours stands in front, say how many; with 0 all readers share one limit.",
        ),
        Finding("mail", OK, f"goes out by {settings.mail_url.split(':', 1)[0]}"),
    ]


def look_at_rows(session: Session, settings: Settings, *, at: datetime) -> list[Finding]:
    """Look at what stands in the (migrated) database."""
    return [
        *_audit(session, at),
        *_staff(session, settings),
        *_texts(session, settings),
        *_money(session, at),
        *_mails(session, at),
    ]


def _audit(session: Session, at: datetime) -> Iterator[Finding]:
    yield _ask(
        "audit trail",
        audit_check.is_append_only(session),
        "the database refuses to change it",
        "the database would let it be changed: its triggers are missing",
        "Run the statements of membership.audit.APPEND_ONLY, and flask --app wsgi audit verify.",
        failing=FAULT,
    )
    checked = audit_check.newest_check(session)
    if checked is None or checked.at < at - STALE:
        since = f"since {checked.at:%Y-%m-%d %H:%M} UTC" if checked else "yet"
        yield Finding("audit check", WARNING, f"not checked {since}", "Is the job runner running? flask --app wsgi jobs run")
    elif checked.faults:
        yield Finding("audit check", FAULT, "; ".join(what for _, what in checked.faults[:3]), "flask --app wsgi audit verify")
    else:
        yield Finding("audit check", OK, f"whole up to entry {checked.last_id}")


def _staff(session: Session, settings: Settings) -> Iterator[Finding]:
    admins = set(session.scalars(select(StaffRole.member_id).where(StaffRole.role == "admin")))
    invite = "flask --app wsgi accounts invite ADDRESS --role admin"
    if len(admins) < 2:
        state = WARNING if admins else FAULT
        yield Finding("admins", state, f"{len(admins)} of two", f"Who loses their way in needs another one: {invite}")
    else:
        yield Finding("admins", OK, f"{len(admins)} people")
    if settings.is_demo:
        return
    keys = _count_by_member(session, select(Passkey.member_id, func.count()).group_by(Passkey.member_id))
    unused = select(RecoveryCode.member_id, func.count()).where(RecoveryCode.used_at.is_(None)).group_by(RecoveryCode.member_id)
    codes = _count_by_member(session, unused)
    if admins and not any(keys.get(member_id) for member_id in admins):
        yield Finding("way in", FAULT, "no admin has a passkey: nobody can open the desk", invite)
    working = select(Member.id, Member.display_name).where(Member.id.in_(select(StaffRole.member_id))).order_by(Member.id)
    for member_id, name in session.execute(working):
        has, left = keys.get(member_id, 0), codes.get(member_id, 0)
        if has < ADVISED_PASSKEYS or not left:
            who = name or f"#{member_id}"
            says = f"{who} has {has} passkeys and {left} recovery codes"
            yield Finding("passkeys", WARNING, says, "Two passkeys and recovery codes: /staff/passkeys, signed in as that person.")


def _count_by_member(session: Session, query: Select[int, int]) -> dict[int, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _texts(session: Session, settings: Settings) -> Iterator[Finding]:
    drafts = [f"{text.key} ({text.language})" for text in texts(session, settings.languages) if text.is_draft]
    yield _ask(
        "texts",
        not drafts,
        "they are yours",
        f"still drafts: {', '.join(drafts)}",
        "Read and save them on /staff/texts.",
    )


def _money(session: Session, at: datetime) -> Iterator[Finding]:
    plan = find_default_plan(session)
    if plan is None:
        yield Finding("plan", WARNING, "there is nothing to buy", "flask --app wsgi patronage plan --help")
    else:
        known = plan.stripe_product_id is not None
        yield _ask("plan", known, plan.name, "Stripe has not heard of it", "flask --app wsgi patronage catalogue --apply")
    kept = keeping(session)
    newest = kept.newest.finished_at if kept.newest else None
    if newest is None or newest < at - STALE:
        since = f"since {newest:%Y-%m-%d %H:%M} UTC" if newest else "yet"
        advice = "Is the job runner running? flask --app wsgi patronage reconcile"
        yield Finding("books", WARNING, f"not compared with Stripe {since}", advice)
    else:
        yield _ask(
            "books", not kept.needs_somebody, "true to Stripe", "they differ from Stripe, or don't add up", "See /staff/money."
        )
    stuck = len(stuck_events(session))
    yield _ask(
        "webhook", not stuck, "nothing waits", f"{stuck} messages from Stripe could not be worked on", "See /staff/stripe-events."
    )


def _mails(session: Session, at: datetime) -> Iterator[Finding]:
    dead = len(outbox.dead_letters(session))
    yield _ask("dead letters", not dead, "none", f"{dead} mails were given up", "See /staff/dead-letters.")
    waiting = select(func.count()).where(OutboxItem.done_at.is_(None), OutboxItem.dead_at.is_(None), OutboxItem.due_at < at - LATE)
    late = session.scalar(waiting) or 0
    advice = "The job runner does not run: flask --app wsgi jobs run"
    yield _ask("job runner", not late, "no mail is late", f"{late} mails are due for an hour or longer", advice, failing=FAULT)


def _ask(name: str, holds: bool, well: str, ill: str, advice: str, *, failing: str = WARNING) -> Finding:
    return Finding(name, OK, well) if holds else Finding(name, failing, ill, advice)
