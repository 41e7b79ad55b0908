"""Who took part: small groups are hidden, and nothing about them follows from what is shown."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.voting.breakdowns import (
    AT_LEAST,
    FEW,
    HIDDEN,
    OTHERS,
    SMALLEST,
    Breakdowns,
    Group,
    Joined,
    Row,
    gathered,
    joined_while_open,
    shown,
)


def voted(*groups: tuple[str, int, int]) -> dict[str, int | None]:
    return {row.key: row.voted for row in shown([Group(*group) for group in groups])}


def test_a_small_group_is_hidden_and_so_is_the_one_that_would_give_it_away() -> None:
    assert voted(("month", 100, 60), ("year", 80, 40), ("gift", 15, 9)) == {"month": 60, "year": None, "gift": None}


def test_two_hidden_groups_whose_sum_says_too_much_hide_a_third() -> None:
    # 3 + 2 voters in the two small groups: the sum would say that all five voted.
    assert voted(("month", 100, 60), ("year", 80, 40), ("gift", 3, 3), ("comp", 2, 2)) == {
        "month": 60,
        "year": None,
        "gift": None,
        "comp": None,
    }


@pytest.mark.parametrize("gift", [(30, 9), (60, 51)])
def test_where_few_of_a_group_that_is_not_small_voted_or_stayed_away_nothing_is_shown(gift: tuple[int, int]) -> None:
    assert set(voted(("month", 100, 60), ("year", 80, 40), ("gift", *gift)).values()) == {None}


def test_two_large_groups_are_shown_and_one_that_nobody_belongs_to_is_left_out() -> None:
    assert voted(("month", 100, 60), ("year", 80, 40), ("gift", 0, 0)) == {"month": 60, "year": 40}


def test_of_a_vote_in_which_nearly_everybody_voted_nothing_is_shown() -> None:
    assert voted(("month", 100, 98), ("year", 80, 77)) == {"month": None, "year": None}


@pytest.mark.parametrize("sizes", [(5, 25, 30), (12, 21, 40), (19, 20, 25), (1, 1, 60), (12, 80), (3, 3, 20, 24)])
def test_who_knows_the_sizes_the_total_and_this_rule_works_out_no_hidden_group(sizes: tuple[int, ...]) -> None:
    fitting: dict[tuple[int, ...], list[set[int]]] = {}  # what is known -> what each group may have had
    for numbers in product(*(range(size + 1) for size in sizes)):
        rows = shown([Group(f"g{at}", size, many) for at, (size, many) in enumerate(zip(sizes, numbers, strict=True))])
        told = tuple(-1 if row.voted is None else row.voted for row in rows)
        for known, many in zip(fitting.setdefault((sum(numbers), *told), [set() for _ in sizes]), numbers, strict=True):
            known.add(many)

    for (total, *told_), possible in fitting.items():
        for size, number, values in zip(sizes, told_, possible, strict=True):
            is_large = min(values) >= SMALLEST and size - max(values) >= SMALLEST  # then its number is no secret
            thinkable = min(size, total) - max(0, total - sum(sizes) + size) + 1  # from the sizes and the total alone
            assert is_large or (number == -1 and len(values) >= min(size, SMALLEST, thinkable))


def test_small_stories_are_put_together_and_those_without_one_stay_apart() -> None:
    groups = [Group("none", 12, 10), Group("fence", 9, 6), Group("mains", 50, 9), Group("port", 8, 5)]

    # The largest in front, whatever each had.
    assert gathered(groups, kept={"none"}) == (Group("mains", 50, 9), Group("none", 12, 10), Group(OTHERS, 17, 11))


def test_new_patrons_are_told_in_tens_and_never_all_of_them() -> None:
    def told(could_vote: int, voted: int) -> Joined:
        return joined_while_open(Group("new", could_vote, voted), could_vote=2000, counted=752)

    assert told(9, 9) == Joined(FEW)
    assert told(60, 9) == Joined(FEW)
    assert told(60, 47) == Joined(AT_LEAST, 40)
    assert told(47, 47) == Joined(AT_LEAST, 30)
    assert told(12, 12) == Joined(HIDDEN)


@settings(max_examples=150, deadline=None)
@given(new=st.integers(0, 45), old=st.integers(0, 45), data=st.data())
def test_what_is_told_of_new_patrons_fits_ten_numbers_or_all_that_could_be(new: int, old: int, data: st.DataObject) -> None:
    counted = data.draw(st.integers(0, new + old))
    possible = range(max(0, counted - old), min(new, counted) + 1)
    fitting: dict[Joined, list[int]] = {}
    for voted in possible:
        told = joined_while_open(Group("new", new, voted), could_vote=new + old, counted=counted)
        assert {FEW: voted < SMALLEST, AT_LEAST: (told.voted or 0) <= voted, HIDDEN: True}[told.code]
        fitting.setdefault(told, []).append(voted)

    assert all(len(numbers) >= min(SMALLEST, len(possible)) for numbers in fitting.values())


def test_breakdowns_survive_json_and_an_old_count_has_none() -> None:
    made = Breakdowns({"source": (Row("month", 60), Row("gift", None))}, Joined(AT_LEAST, 40))

    assert Breakdowns.from_json(made.as_json()) == made
    assert Breakdowns.from_json({}) == Breakdowns()
