"""The count: what it refuses, how ties are decided, what comes out when few or none voted."""

import json
from collections.abc import Mapping
from fractions import Fraction

import pytest

from membership.voting.tally import FAIR_SHARE, PLAIN, Result, tally
from tests.factories.voting import WORDS_EXAMPLE


def profile(ballots: Mapping[str, int]) -> dict[frozenset[str], int]:
    return {frozenset(topics.split(",")): many for topics, many in ballots.items()}


def count(ballots: Mapping[str, int], *, seats: int, rule: str = FAIR_SHARE, lots: str = "") -> Result:
    topics = sorted({topic for ballot in ballots for topic in ballot.split(",")})
    order = lots or "".join(topics)
    return tally(profile(ballots), topics=topics, seats=seats, rule=rule, lots={t: f"{order.index(t):02x}" for t in topics})


def scores(result: Result, seat: int) -> dict[str, Fraction]:
    return {topic: Fraction(score, result.unit) for topic, score in result.steps[seat - 1].scores.items()}


def test_a_ballot_for_another_votes_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="belong"):
        tally({frozenset("ax"): 1}, topics="ab", seats=1, rule=PLAIN, lots={"a": "0", "b": "1"})


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="belong"):
        tally({frozenset("a"): 1}, topics="ab", seats=1, rule="borda", lots={"a": "0", "b": "1"})


def test_nobody_voted_and_nobody_wins() -> None:
    result = tally({}, topics="ab", seats=2, rule=FAIR_SHARE, lots={"a": "0", "b": "1"})

    assert (result.winners, result.counted, [step.winner for step in result.steps]) == ((), 0, [None])


def test_a_topic_that_nobody_ticked_never_wins_even_with_a_seat_free() -> None:
    result = tally({frozenset("a"): 3}, topics="abc", seats=2, rule=FAIR_SHARE, lots=dict.fromkeys("abc", "0"))

    assert (result.winners, result.plain_winners) == (("a",), ("a",))


def test_equal_points_go_to_more_ticks_before_any_lot() -> None:
    # After a, b has 2 whole voices and c 1 + 2 halves = 2: c has more ticks.
    result = count({"a": 5, "b": 2, "c": 1, "a,c": 2}, seats=2, lots="bac")

    assert (result.winners, result.steps[1].tied, result.steps[1].drawn) == (("a", "c"), ("b", "c"), ())


def test_equal_points_and_ticks_go_to_the_lowest_lot() -> None:
    assert count({"a": 2, "b": 2}, seats=1, lots="ba").winners == ("b",)
    assert count({"a": 2, "b": 2}, seats=1, lots="ab").winners == ("a",)


def test_a_result_survives_json() -> None:
    result = count(WORDS_EXAMPLE, seats=2)

    assert Result.from_json(json.loads(json.dumps(result.as_json()))) == result
