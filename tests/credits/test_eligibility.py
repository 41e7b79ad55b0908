"""Who holds the Patron badge, and what badges say."""

import pytest

from membership.credits.badges import BADGES
from membership.credits.eligibility import patron_badge
from membership.patronage.entitlement import Standing


@pytest.mark.parametrize(
    ("code", "badge"),
    [
        ("never", None),
        ("ended", None),
        ("refunded", None),
        ("payment_failed", None),
        ("pending", None),
        ("staff", None),
        ("paused", "paused"),
        ("patron", "held"),
        ("cancelling", "held"),
        ("grace", "held"),
    ],
)
def test_the_patron_badge_follows_patron_now(code: str, badge: str | None) -> None:
    assert patron_badge(Standing(may_vote=badge == "held", code=code)) == badge


def test_every_badge_has_a_name_and_says_what_it_is_for() -> None:
    assert all(badge.key == key and badge.name and badge.criteria for key, badge in BADGES.items())
