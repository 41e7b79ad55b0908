"""The geometry of a count's bars."""

from membership.voting.charts import Bar, Segment, StepChart, step_charts, tick_bars
from membership.voting.explanation import Part, Points
from membership.voting.tally import PLAIN
from tests.factories.voting import WORDS_EXAMPLE
from tests.voting.test_tally import count


def test_the_longest_bar_fills_the_width_and_shares_are_of_all_ballots() -> None:
    assert tick_bars(count({"a": 30, "b": 10}, seats=1)) == (
        Bar("a", Points(30), 75, True, (Segment(0.0, 100.0),)),
        Bar("b", Points(10), 25, False, (Segment(0.0, 33.33),)),
    )


def test_a_topic_without_ticks_has_no_bar_and_a_vote_without_ballots_none_at_all() -> None:
    assert [bar.segments for bar in tick_bars(count({"a": 3, "b": 0}, seats=1))] == [(Segment(0.0, 100.0),), ()]
    assert [bar.segments for bar in tick_bars(count({"a": 0}, seats=1))] == [()]


def test_a_step_shows_who_counted_whole_and_who_half() -> None:
    assert step_charts(count(WORDS_EXAMPLE, seats=2)) == (
        StepChart(
            2,
            (
                Bar(
                    "C",
                    Points(260),
                    None,
                    True,
                    (Segment(0.0, 88.46), Segment(88.46, 11.54, held=1)),
                    (Part(230, 0, Points(230)), Part(60, 1, Points(30))),
                ),
                Bar(
                    "B",
                    Points(230),
                    None,
                    False,
                    (Segment(0.0, 42.31), Segment(42.31, 46.15, held=1)),
                    (Part(110, 0, Points(110)), Part(240, 1, Points(120))),
                ),
            ),
        ),
    )


def test_where_too_few_voted_a_step_shows_points_and_nobody_behind_them() -> None:
    fewer = {ballot: many // 10 for ballot, many in WORDS_EXAMPLE.items()}  # 75 ballots
    [chart] = step_charts(count(fewer, seats=2))

    assert [(bar.segments, bar.parts) for bar in chart.bars] == [((Segment(0.0, 100.0),), ()), ((Segment(0.0, 88.46),), ())]


def test_by_most_ticks_there_are_no_steps_to_draw() -> None:
    assert step_charts(count(WORDS_EXAMPLE, seats=2, rule=PLAIN)) == ()
