"""What may be said of a count: exact numbers, and fewer of them the fewer voted."""

from membership.voting.explanation import Answer, Part, Points, Seat, explain, points, score_table
from tests.factories.voting import WORDS_EXAMPLE
from tests.voting.test_tally import count


def test_the_public_example_comes_out_in_full() -> None:
    explained = explain(count(WORDS_EXAMPLE, seats=2))

    assert explained.seats == (
        Seat(1, "A", 412, Points(412), (Part(412, 0, Points(412)),), (), (), "B", Points(62)),
        Seat(2, "C", 290, Points(260), (Part(230, 0, Points(230)), Part(60, 1, Points(30))), (), (), "B", Points(30)),
    )
    assert explained.answers == (
        Answer("B", "C", ("A",), 350, 290, Points(230), Points(260), (Part(110, 0, Points(110)), Part(240, 1, Points(120)))),
    )
    assert (explained.seats_left, explained.differs_from_plain) == (0, True)


def test_below_100_ballots_nobody_learns_who_stands_behind_the_points() -> None:
    explained = explain(count({"a": 30, "a,b": 20, "c": 15}, seats=2))

    assert (explained.shows_numbers, explained.shows_steps) == (True, False)
    assert [(seat.points, seat.parts) for seat in explained.seats] == [(Points(50), ()), (Points(15), ())]
    assert [answer.parts for answer in explained.answers] == [()]


def test_below_20_ballots_only_the_order_is_told() -> None:
    explained = explain(count({"a": 9, "a,b": 6, "c": 4}, seats=2))

    assert (explained.shows_numbers, explained.answers) == (False, ())
    assert [(s.winner, s.ticks, s.points, s.margin, s.parts) for s in explained.seats] == [
        ("a", None, None, None, ()),
        ("c", None, None, None, ()),
    ]


def test_fewer_winners_than_seats_is_said() -> None:
    assert explain(count({"a": 20}, seats=3)).seats_left == 2


def test_points_are_printed_exactly() -> None:
    assert [points(score, 60) for score in (60, 90, 80, 65, 155)] == [
        Points(1),
        Points(1, "½"),
        Points(1, "⅓"),
        Points(1, " 1/12"),
        Points(2, " 7/12"),
    ]


def test_a_winner_has_no_points_after_its_seat() -> None:
    assert score_table(count(WORDS_EXAMPLE, seats=2)) == {
        "A": (Points(412), None),
        "B": (Points(350), Points(230)),
        "C": (Points(290), Points(260)),
    }


def test_below_20_ballots_no_tie_no_lot_and_no_other_way_of_counting_is_told() -> None:
    tied = explain(count({"a": 6, "b": 6}, seats=1))
    other = explain(count({"a": 3, "a,b": 6, "c": 4}, seats=2))

    assert [(s.tied, s.drawn, s.runner_up) for s in (*tied.seats, *other.seats)] == [((), (), None)] * 3
    assert (count({"a": 3, "a,b": 6, "c": 4}, seats=2).plain_winners, other.differs_from_plain) == (("a", "b"), False)
