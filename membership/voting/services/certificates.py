"""Signing what came of a vote, once."""

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from membership import audit
from membership.db import insert_into, transaction
from membership.errors import Conflict
from membership.voting import certificates, public, queries
from membership.voting.canonical import canonical
from membership.voting.certificates import Site
from membership.voting.models import Certificate, CertificateKey
from membership.voting.signing import CertificateSigner


def issue_certificate(session: Session, *, round_id: int, signer: CertificateSigner, site: Site, now: datetime) -> bool:
    """Sign what came of a vote with a public count; one that has a certificate keeps it. Returns whether one was made.

    Raises Conflict while the count is not public, SigningKeyUnusable.
    """
    signer.public_key()  # made now if there is none: no file is made while the vote's row is locked
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        if not public.is_public(round_):
            raise Conflict("This vote's result is not public yet.")
        if session.get(Certificate, round_id, populate_existing=True):
            return False
        # The publication may come from a host whose clock is a moment ahead of ours; a file signed before it would never hold.
        issued_at = max(now, certificates.public_since(round_))
        payload = canonical(certificates.certificate_data(session, round_, site=site, now=issued_at))
        made = signer.sign(payload.encode())
        key = insert_into(session, CertificateKey).values(kid=made.kid, public_key=made.public_key, first_used_at=now)
        session.execute(key.on_conflict_do_nothing())
        session.add(Certificate(round_id=round_id, issued_at=issued_at, kid=made.kid, payload=payload, signature=made.signature))
        audit.record(session, act="certificate.issued", subject=("round", round_id), actor_id=None, now=now, kid=made.kid)
    return True


def issue_due(session: Session, *, signer: CertificateSigner, site: Site, now: datetime) -> int:
    """Sign every public count that has no certificate yet; safe to repeat. Returns how many. Raises SigningKeyUnusable."""
    due = certificates.rounds_without_certificate(session)
    return sum(issue_certificate(session, round_id=round_id, signer=signer, site=site, now=now) for round_id in due)


def replace_certificate_key(session: Session, *, signer: CertificateSigner, now: datetime) -> Path:
    """Sign with another key from now on; the old one stays beside it, and its public half on the site. Returns where it is.

    Raises SigningKeyUnusable.
    """
    before = signer.kid
    retired = signer.replace()
    with transaction(session):
        subject = ("certificate_key", signer.kid)
        audit.record(session, act="certificate_key.replaced", subject=subject, actor_id=None, now=now, before=before)
    return retired
