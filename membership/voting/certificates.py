"""What a certificate says of a vote, and the certificates and keys that there are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit_check import current_head
from membership.config import Settings
from membership.voting import explanation, public, queries
from membership.voting.canonical import canonical
from membership.voting.certificate_shape import FORMAT
from membership.voting.models import Certificate, CertificateKey, CertifiedReceipt, Count, Publication, Round, Voiding
from membership.voting.public_keys import base64url
from membership.voting.receipts import receipt_hash
from membership.voting.tally import Result, Step
from membership.voting.verifying import ALGORITHM


@dataclass(frozen=True)
class Site:
    """The newsroom as its certificates name it."""

    name: str
    url: str

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        """Return the newsroom of these settings."""
        return cls(settings.site_name, settings.site_url)


def rounds_without_certificate(session: Session) -> list[int]:
    """Return the votes whose count is public and that have no certificate yet."""
    due = select(Count.round_id).outerjoin(Publication, Publication.round_id == Count.round_id)
    due = due.outerjoin(Voiding, Voiding.round_id == Count.round_id).outerjoin(Certificate, Certificate.round_id == Count.round_id)
    due = due.where(Certificate.round_id.is_(None), Publication.round_id.is_not(None) | Voiding.voided_at.is_not(None))
    return list(session.scalars(due.order_by(Count.round_id)))


def find_certificate(session: Session, round_id: int) -> Certificate | None:
    """Return what was signed of this vote."""
    return session.get(Certificate, round_id)


def public_keys(session: Session) -> dict[str, bytes]:
    """Return every public key that certificates were signed with, by its id, the newest first."""
    newest_first = select(CertificateKey).order_by(CertificateKey.first_used_at.desc(), CertificateKey.kid)
    return {key.kid: key.public_key for key in session.scalars(newest_first)}


def is_listed(session: Session, *, round_id: int, number: str) -> bool:
    """Return whether a ballot with this number was counted, however it was typed."""
    return session.get(CertifiedReceipt, (round_id, receipt_hash(number))) is not None


def document_of(certificate: Certificate) -> str:
    """Return a certificate as a file: canonical JSON of what was signed and of its signature, and a line feed."""
    signature = {"algorithm": ALGORITHM, "kid": certificate.kid, "value": base64url(certificate.signature)}
    return f'{{"payload":{certificate.payload},"signature":{canonical(signature)}}}\n'


def number_list(hashes: Sequence[str]) -> str:
    """Return the public list of counted ballots as a file: a line for each, sorted."""
    return "".join(f"{one}\n" for one in hashes)


def public_since(round_: Round) -> datetime:
    """Return when a public count became public: when it was published, else when the counted vote was voided."""
    since = round_.publication.published_at if round_.publication else round_.voiding and round_.voiding.voided_at
    assert since
    return since


def certificate_data(session: Session, round_: Round, *, site: Site, now: datetime) -> dict[str, Any]:
    """Return what is signed of a vote with a public count: membership.voting.certificate_shape.PAYLOAD."""
    assert round_.opening
    assert round_.closing
    result = queries.result_of(round_)
    head = current_head(session)
    return {
        "format": FORMAT,
        "issued_at": _instant(now),
        "site": {"name": site.name, "url": site.url},
        "vote": {"slug": round_.slug, "name": round_.name},
        "settings": {
            "rule": round_.rule,
            "seats": round_.seats,
            "most_ticks": round_.max_ticks,
            "electorate": round_.electorate,
        },
        "topics": _topics(round_),
        "times": _times(round_),
        "voided": _voided(round_),
        "roll": {
            "sha256": round_.closing.roll_sha256,
            "could_vote": queries.turnout(session, round_, at=now).could_vote,
        },
        "box": _box(round_),
        "lot": {"seed": round_.opening.seed.hex(), "seed_sha256": round_.opening.seed_sha256, "of": result.lots},
        "winners": list(result.winners),
        "count": count_data(result),
        "ballot_numbers": _numbers(session, round_),
        "audit_head": {"entry": head.last_id, "hmac": head.mac.hex()} if head else None,
    }


def count_data(result: Result) -> dict[str, Any] | None:
    """Return what a certificate says of a count, nothing where too few voted: membership.voting.certificate_shape.COUNT."""
    if not explanation.shows_numbers(result):
        return None
    tables = explanation.shows_steps(result)
    return {
        "unit": result.unit,
        "ticks": result.totals,
        "steps": [_step(step, tables=tables) for step in result.steps],
        "by_most_ticks": list(result.plain_winners),
        "without_a_winner": result.empty_handed if tables else None,
    }


def _topics(round_: Round) -> dict[str, Any]:
    return {
        entry.topic.slug: {
            "title": entry.topic.title,
            "withdrawn": {"at": _instant(entry.withdrawal.withdrawn_at), "reason": entry.withdrawal.reason}
            if entry.withdrawal
            else None,
        }
        for entry in round_.topics
    }


def _times(round_: Round) -> dict[str, Any]:
    assert round_.opening
    assert round_.closing
    assert round_.count
    return {
        "opened": _instant(round_.opening.opened_at),
        "announced_end": _instant(round_.closes_at),
        "closed": _instant(round_.closing.closed_at),
        "counted": _instant(round_.count.counted_at),
        "published": _instant(round_.publication.published_at) if round_.publication else None,
        "moved": [
            {
                "at": _instant(change.changed_at),
                "from": _instant(change.closed_before),
                "to": _instant(change.closes_at),
                "note": change.note,
            }
            for change in round_.closing_changes
        ],
        "closing_note": round_.closing.note,
    }


def _voided(round_: Round) -> dict[str, Any] | None:
    voiding = round_.voiding
    return {"at": _instant(voiding.voided_at), "reason": voiding.reason} if voiding and voiding.voided_at else None


def _box(round_: Round) -> dict[str, Any]:
    check = round_.box_check
    assert check
    return {
        "counted": check.counted,
        "not_counted": check.set_aside,
        "not_counted_because": public.set_aside_reasons(round_),
        "checked_by": 1 if check.checked_alone else 2,
        "key_lost": check.key_lost,
    }


def _step(step: Step, *, tables: bool) -> dict[str, Any]:
    return {
        "seat": step.seat,
        "winner": step.winner,
        "scores": step.scores,
        "readers": step.histogram if tables else None,
        "tied": list(step.tied),
        "drawn": list(step.drawn),
        "runner_up": step.runner_up,
        "margin": step.margin,
    }


def _numbers(session: Session, round_: Round) -> dict[str, Any] | None:
    if round_.box_check is None or round_.box_check.key_lost:
        return None
    hashes = queries.receipt_hashes(session, round_.id)
    return {"listed": len(hashes), "sha256": hashlib.sha256(number_list(hashes).encode()).hexdigest()}


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
