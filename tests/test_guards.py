"""The list of guards names what stands in the product: `make proof` could not take out what it does not find."""

import re
from pathlib import Path

import pytest

from tests.guards import GUARDS, Guard

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_once_where_the_list_says(guard: Guard) -> None:
    path, _, name = guard.test.partition("::")

    assert (ROOT / guard.path).read_text(encoding="utf-8").count(guard.stands) == 1
    assert not name or re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_there_are_enough_of_them() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 40
