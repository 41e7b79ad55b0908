"""What the foot of a story says to somebody who is signed in."""

from dataclasses import dataclass

ASKED = frozenset({"refunded", "ended", "never"})


@dataclass(frozen=True)
class Foot:
    """Which of the foot's pieces are shown."""

    asks: bool = False
    took_part: bool = False  # in the vote that chose this story
    thanks: bool = False
    invites_to_vote: bool = False
    has_voted: bool = False
    payment_needs_attention: bool = False
    first_payment_failed: bool = False
    is_pending: bool = False
    is_paused: bool = False
    is_disputed: bool = False
    is_staff: bool = False


def foot_for(
    *,
    code: str | None,
    may_vote: bool = False,
    a_vote_is_open: bool = False,
    has_voted: bool = False,
    took_part: bool = False,
) -> Foot:
    """Decide by the reader's standing (membership.patronage.entitlement); code None is somebody who is not signed in."""
    if code is None:
        return Foot(asks=True)
    return Foot(
        asks=code in ASKED,
        took_part=took_part,
        thanks=may_vote,
        invites_to_vote=may_vote and a_vote_is_open and not has_voted,
        has_voted=a_vote_is_open and has_voted,
        payment_needs_attention=code == "grace",
        first_payment_failed=code == "payment_failed",
        is_pending=code == "pending",
        is_paused=code == "paused",
        is_disputed=code == "disputed",
        is_staff=code == "staff",
    )
