"""How alike two titles are."""

import pytest

from membership.voting.trigrams import likeness, trigrams


def test_trigrams_are_taken_of_each_word_with_spaces_around_it() -> None:
    assert trigrams("Go, NATO!") == {"  g", " go", "go ", "  n", " na", "nat", "ato", "to "}
    assert trigrams("") == frozenset()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0),
        ("Water", "", 0),
        ("Water", "Budgets", 0),
        ("Who repairs the road?", "who  repairs the ROAD", 1),
        ("Water", "Waters", 2 * 5 / (6 + 7)),
    ],
)
def test_likeness_goes_from_nothing_in_common_to_the_same(one: str, other: str, expected: float) -> None:
    assert likeness(trigrams(one), trigrams(other)) == pytest.approx(expected)


def test_words_in_another_form_are_more_alike_than_other_words() -> None:
    asked, near, far = map(trigrams, ("Хто лагодить дорогу?", "Ремонт доріг: хто лагодить дороги", "Хто будує школу?"))

    assert likeness(asked, near) > 0.5 > likeness(asked, far)
