"""The count: the examples of the book, WORDS.md's example, a slow reference, and what must hold for every profile."""

import json
from collections.abc import Mapping
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.voting.tally import FAIR_SHARE, PLAIN, Result, group, tally
from tests.factories.voting import WORDS_EXAMPLE

TOPICS = "abcdef"


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


def test_the_books_example_5_elects_d_then_c() -> None:
    result = count({"a,b": 3, "a,d": 6, "b": 4, "c": 5, "c,d": 5}, seats=2)

    assert result.winners == ("d", "c")
    assert scores(result, 1) == {"a": 9, "b": 7, "c": 10, "d": 11}
    assert scores(result, 2) == {"a": Fraction(6), "b": Fraction(7), "c": Fraction(15, 2)}
    assert result.steps[1].margin == 1  # half a point


def test_the_books_example_1_elects_a_b_c_and_ties_d_with_f() -> None:
    ballots = {"a,b": 3, "a,c": 3, "a,d": 2, "b,c,f": 1, "e": 1, "f": 1, "g": 1}

    by_lot_d = count(ballots, seats=4, rule=PLAIN, lots="abcdefg")
    by_lot_f = count(ballots, seats=4, rule=PLAIN, lots="abcfdeg")

    assert by_lot_d.winners == ("a", "b", "c", "d") or by_lot_d.winners == ("a", "c", "b", "d")
    assert (set(by_lot_d.winners), set(by_lot_f.winners)) == (set("abcd"), set("abcf"))
    assert (by_lot_d.steps[3].tied, by_lot_d.steps[3].drawn, by_lot_d.steps[3].margin) == (("d", "f"), ("d", "f"), 0)


def test_the_example_that_the_public_page_explains() -> None:
    result = count(WORDS_EXAMPLE, seats=2)

    assert (result.counted, result.totals, result.winners) == (752, {"A": 412, "B": 350, "C": 290}, ("A", "C"))
    assert scores(result, 2) == {"B": 230, "C": 260}
    assert result.steps[1].histogram == {"B": [110, 240], "C": [230, 60]}
    assert (result.plain_winners, result.empty_handed_plain, result.empty_handed) == (("A", "B"), 230, 110)
    assert [(reason.loser, reason.winner, reason.seat) for reason in result.why_not] == [("B", "C", 2)]


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


def by_hand(ballots: list[frozenset[str]], topics: str, seats: int, rule: str, lots: Mapping[str, str]) -> list[str]:
    """The slow reference: fractions, no grouping, the definition read aloud."""
    winners: list[str] = []
    while len(winners) < seats:
        best = None
        for topic in set(topics) - set(winners):
            held = [len(ballot & set(winners)) if rule == FAIR_SHARE else 0 for ballot in ballots if topic in ballot]
            score = sum((Fraction(1, 1 + many) for many in held), Fraction(0))
            rank = (-score, -len(held), lots[topic])
            if score and (best is None or rank < best[0]):
                best = (rank, topic)
        if best is None:
            break
        winners.append(best[1])
    return winners


@pytest.mark.parametrize("rule", [PLAIN, FAIR_SHARE])
def test_the_count_equals_the_slow_reference_on_random_votes(rule: str) -> None:
    random = Random(rule)
    for _ in range(300):
        ballots = [frozenset(random.sample(TOPICS, random.randint(1, 3))) for _ in range(random.randint(0, 40))]
        lots = {topic: f"{random.randrange(2**32):08x}" for topic in TOPICS}
        seats = random.randint(1, 5)

        result = tally(group(ballots), topics=TOPICS, seats=seats, rule=rule, lots=lots)

        assert list(result.winners) == by_hand(ballots, TOPICS, seats, rule, lots)


BALLOTS = st.lists(st.frozensets(st.sampled_from(TOPICS), min_size=1, max_size=3), max_size=30)
LOTS = st.permutations(TOPICS).map(lambda order: {topic: f"{at:02x}" for at, topic in enumerate(order)})


@settings(max_examples=60, deadline=None)
@given(BALLOTS, LOTS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_order_of_ballots_and_topics_never_matters(
    ballots: list[frozenset[str]], lots: dict[str, str], random: Random, seats: int
) -> None:
    shuffled, topics = list(ballots), list(TOPICS)
    random.shuffle(shuffled)
    random.shuffle(topics)

    first = tally(group(ballots), topics=TOPICS, seats=seats, rule=FAIR_SHARE, lots=lots)

    assert tally(group(shuffled), topics=topics, seats=seats, rule=FAIR_SHARE, lots=lots) == first


@settings(max_examples=60, deadline=None)
@given(BALLOTS, LOTS, LOTS, st.integers(1, 5))
def test_lots_decide_nothing_but_ties(
    ballots: list[frozenset[str]], lots: dict[str, str], others: dict[str, str], seats: int
) -> None:
    first = tally(group(ballots), topics=TOPICS, seats=seats, rule=FAIR_SHARE, lots=lots)
    second = tally(group(ballots), topics=TOPICS, seats=seats, rule=FAIR_SHARE, lots=others)

    if not any(step.drawn for step in first.steps):
        assert second.winners == first.winners


@settings(max_examples=60, deadline=None)
@given(BALLOTS.filter(bool), LOTS)
def test_one_more_tick_never_hurts_the_first_winner(ballots: list[frozenset[str]], lots: dict[str, str]) -> None:
    first = tally(group(ballots), topics=TOPICS, seats=2, rule=FAIR_SHARE, lots=lots).winners[0]
    more = [*ballots[:-1], ballots[-1] | {first}]

    assert tally(group(more), topics=TOPICS, seats=2, rule=FAIR_SHARE, lots=lots).winners[0] == first
