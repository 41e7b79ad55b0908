"""Gift codes: nobody can work one out, and people may type them as they like."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.patronage.gift_codes import SYMBOLS, code_hash, gift_code, is_code

GIFT = UUID("12345678-1234-5678-1234-567812345678")
CODE = gift_code("a secret of the newsroom", GIFT)


@pytest.mark.parametrize(
    "text", ["", "7KQ2", CODE[:-1], CODE + "A", CODE.replace(CODE[0], "U"), "٧" * 20, "🎁" * 20, "0" * 5000, "-" * 20]
)
def test_what_is_no_code_is_known_without_asking_anybody(text: str) -> None:
    assert not is_code(text)


def test_another_gift_or_another_key_is_another_code() -> None:
    others = {gift_code("another secret", GIFT), gift_code("a secret of the newsroom", UUID(int=GIFT.int + 1)), CODE}

    assert len(others) == 3


def test_a_code_is_five_groups_of_four_symbols_without_any_that_look_alike() -> None:
    groups = CODE.split("-")

    assert [len(group) for group in groups] == [4, 4, 4, 4, 4]
    assert set("".join(groups)) <= set(SYMBOLS)
    assert not set("ILOU") & set(SYMBOLS)


@given(st.uuids())
def test_a_code_survives_paper_telephone_and_hurry(gift_id: UUID) -> None:
    code = gift_code("a secret of the newsroom", gift_id)
    typed = [code.lower(), code.replace("-", ""), code.replace("-", " "), code.replace("0", "O").replace("1", "l"), f" {code}\n"]

    assert all(is_code(text) for text in typed)
    assert {code_hash(text) for text in typed} == {code_hash(code)}
