"""The usual kinds of vote: what each allows, and how many stories it begins with."""

from datetime import UTC, datetime, timedelta

import pytest

from membership.voting import presets

OPENS = datetime(2026, 3, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("preset", "topics", "seats", "hours", "is_first", "said"),
    [
        ("quick", 2, 1, 24, False, "three or four topics"),
        ("quick", 5, 1, 24, False, "three or four topics"),
        ("quick", 3, 2, 24, False, "promises one story"),
        ("quick", 3, 1, 23, False, "24 hours"),
        ("monthly", 5, 2, 168, False, "six to eight topics"),
        ("monthly", 9, 2, 168, False, "six to eight topics"),
        ("monthly", 6, 3, 168, False, "one or two stories"),
        ("monthly", 6, 2, 168, True, "first vote one"),
        ("monthly", 6, 2, 170, False, "seven days"),
        ("custom", 1, 1, 5, False, "between two and forty"),
        ("custom", 41, 1, 5, False, "between two and forty"),
        ("custom", 9, 6, 5, False, "between one and five"),
        ("custom", 9, 0, 5, False, "between one and five"),
    ],
)
def test_what_does_not_fit_a_kind_of_vote_is_said(
    preset: str, topics: int, seats: int, hours: int, is_first: bool, said: str
) -> None:
    closes_at = OPENS + timedelta(hours=hours)

    fault = presets.fault_of(preset, topics=topics, seats=seats, opens_at=OPENS, closes_at=closes_at, is_first=is_first)

    assert fault is not None
    assert said in fault


@pytest.mark.parametrize(
    ("preset", "topics", "seats", "hours", "is_first"),
    [
        ("quick", 4, 1, 24, True),
        ("monthly", 8, 2, 168, False),
        ("monthly", 6, 1, 168, True),
        ("monthly", 6, 1, 167, False),  # summer time began within its seven days
        ("monthly", 6, 1, 169, False),
        ("custom", 2, 5, 1, True),
    ],
)
def test_what_fits_is_let_through(preset: str, topics: int, seats: int, hours: int, is_first: bool) -> None:
    closes_at = OPENS + timedelta(hours=hours)

    assert presets.fault_of(preset, topics=topics, seats=seats, opens_at=OPENS, closes_at=closes_at, is_first=is_first) is None


def test_a_newsrooms_first_vote_begins_with_one_story_and_only_its_own_kind_may_say_more() -> None:
    kinds = ("quick", "monthly", "custom")

    assert [presets.usual_seats(kind, is_first=True) for kind in kinds] == [1, 1, 1]
    assert [presets.usual_seats(kind, is_first=False) for kind in kinds] == [1, 2, 2]
    assert [presets.seats_allowed(kind, is_first=True)[-1] for kind in kinds] == [1, 1, 5]
    assert [presets.seats_allowed(kind, is_first=False)[-1] for kind in kinds] == [1, 2, 5]
