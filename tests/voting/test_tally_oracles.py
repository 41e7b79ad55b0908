"""The count against what others have published and against a slow reference; and what must hold for every vote."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.voting.alarm import smallest_margin
from membership.voting.tally import FAIR_SHARE, PLAIN, group, tally
from tests.factories.voting import WORDS_EXAMPLE
from tests.voting.test_tally import count, scores

TOPICS = "abcdef"
# Lackner & Skowron, Multi-Winner Voting with Approval Preferences (2023).
EXAMPLE_1 = {"a,b": 3, "a,c": 3, "a,d": 2, "b,c,f": 1, "e": 1, "f": 1, "g": 1}
EXAMPLE_5 = {"a,b": 3, "a,d": 6, "b": 4, "c": 5, "c,d": 5}


def satisfaction(ballots: Mapping[str, int], chosen: tuple[str, ...]) -> Fraction:
    """The book's PAV score: each ballot is worth 1 + 1/2 + ... for as many of its topics as were chosen."""
    total = Fraction(0)
    for topics, many in ballots.items():
        total += many * sum((Fraction(1, place) for place in range(1, 1 + len(set(topics.split(",")) & set(chosen)))), Fraction(0))
    return total


def test_the_books_example_5_elects_d_then_c() -> None:
    result = count(EXAMPLE_5, seats=2)

    assert result.winners == ("d", "c")
    assert scores(result, 1) == {"a": 9, "b": 7, "c": 10, "d": 11}
    assert scores(result, 2) == {"a": Fraction(6), "b": Fraction(7), "c": Fraction(15, 2)}
    assert result.steps[1].margin == 1  # half a point
    assert satisfaction(EXAMPLE_5, result.winners) == Fraction(37, 2)


def test_the_best_pair_of_example_5_by_the_books_own_measure_is_another() -> None:
    pairs = {pair: satisfaction(EXAMPLE_5, pair) for pair in combinations("abcd", 2)}

    assert max(pairs.items(), key=lambda one: one[1]) == (("a", "c"), 19)


def test_the_books_example_1_elects_a_b_c_and_ties_d_with_f() -> None:
    by_lot_d = count(EXAMPLE_1, seats=4, rule=PLAIN, lots="abcdefg")
    by_lot_f = count(EXAMPLE_1, seats=4, rule=PLAIN, lots="abcfdeg")

    assert by_lot_d.totals == {"a": 8, "b": 4, "c": 4, "d": 2, "e": 1, "f": 2, "g": 1}
    assert (set(by_lot_d.winners), set(by_lot_f.winners)) == (set("abcd"), set("abcf"))
    assert (by_lot_d.steps[3].tied, by_lot_d.steps[3].drawn, by_lot_d.steps[3].margin) == (("d", "f"), ("d", "f"), 0)


def test_the_example_that_the_public_page_explains() -> None:
    result = count(WORDS_EXAMPLE, seats=2)

    assert (result.counted, result.totals, result.winners) == (752, {"A": 412, "B": 350, "C": 290}, ("A", "C"))
    assert scores(result, 2) == {"B": 230, "C": 260}
    assert result.steps[1].histogram == {"B": [110, 240], "C": [230, 60]}
    assert (result.plain_winners, result.empty_handed_plain, result.empty_handed) == (("A", "B"), 230, 110)
    assert [(reason.loser, reason.winner, reason.seat) for reason in result.why_not] == [("B", "C", 2)]


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
    more = [*ballots[:-1], ballots[-1] | {first}]  # on a ballot that had it already nothing changes

    assert tally(group(more), topics=TOPICS, seats=2, rule=FAIR_SHARE, lots=lots).winners[0] == first


@settings(max_examples=150, deadline=None)
@given(BALLOTS, LOTS, st.integers(1, 5), st.sampled_from([PLAIN, FAIR_SHARE]), st.randoms(use_true_random=False))
def test_without_fewer_ballots_than_the_smallest_margin_the_same_topics_win(
    ballots: list[frozenset[str]], lots: dict[str, str], seats: int, rule: str, random: Random
) -> None:
    """What the alarm of money that came back relies on."""
    first = tally(group(ballots), topics=TOPICS, seats=seats, rule=rule, lots=lots)
    margin = smallest_margin(first) or 0
    away = max(0, -(-margin // first.unit) - 1)  # the most whole ballots below the margin
    left = random.sample(ballots, len(ballots) - away)

    assert set(tally(group(left), topics=TOPICS, seats=seats, rule=rule, lots=lots).winners) == set(first.winners)
