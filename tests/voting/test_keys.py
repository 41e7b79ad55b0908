"""A vote's key: on the disk before it is used, gone when it is destroyed; its loss is told apart from a folder that isn't there."""

import shutil
import stat
from pathlib import Path

import pytest

from membership.errors import Conflict, Unavailable
from membership.voting.keys import KeyLost, RoundKeys


def key_file(keys: RoundKeys, round_id: int = 1) -> Path:
    return keys.directory / f"round-{round_id}.key"


def test_a_key_missing_from_the_folder_that_held_it_is_lost(keys: RoundKeys) -> None:
    keys.create(1)
    key_file(keys).unlink()

    with pytest.raises(KeyLost, match="already sent still count"):
        keys.read(1)


@pytest.mark.parametrize("content", [b"", b"short", bytes(32)])
def test_a_key_that_is_damaged_or_another_one_is_lost(keys: RoundKeys, content: bytes) -> None:
    keys.create(1)
    key_file(keys).write_bytes(content)

    with pytest.raises(KeyLost):
        keys.read(1)


def test_a_host_without_the_shared_folder_decides_nothing_about_a_key(keys: RoundKeys, tmp_path: Path) -> None:
    key = keys.create(1)
    elsewhere = RoundKeys(tmp_path / "not mounted")

    for _ in ("no folder", "an empty one"):
        with pytest.raises(Unavailable, match="can't be read just now"):
            elsewhere.read(1)
        with pytest.raises(Unavailable):
            elsewhere.destroy(1)
        elsewhere.directory.mkdir(mode=0o700, exist_ok=True)
    assert (keys.read(1), list(elsewhere.directory.iterdir())) == (key, [])


def test_a_key_is_given_up_by_a_person_alone_and_never_one_that_is_there(keys: RoundKeys) -> None:
    keys.create(1)
    with pytest.raises(Conflict, match="isn't lost"):
        keys.give_up(1)
    shutil.rmtree(keys.directory)

    keys.give_up(1)

    with pytest.raises(KeyLost):
        keys.read(1)


def test_a_key_that_can_not_be_read_just_now_is_not_lost(keys: RoundKeys) -> None:
    keys.create(1)
    key_file(keys).unlink()
    key_file(keys).mkdir()  # any failure of the disk but a missing file

    with pytest.raises(Unavailable, match="can't be read just now"):
        keys.read(1)
    assert keys.exists(1) is False


def test_a_key_is_kept_for_its_round_alone(keys: RoundKeys) -> None:
    first, second = keys.create(1), keys.create(2)

    assert (keys.read(1), keys.read(2), first == second, len(first)) == (first, second, False, 32)


def test_the_key_of_a_vote_that_was_opened_before_notes_were_kept_is_read_and_destroyed(keys: RoundKeys) -> None:
    key = keys.create(1)
    (keys.directory / "round-1.made").unlink()

    assert keys.read(1) == key
    for _ in ("once", "again after a crash"):
        keys.destroy(1)
    assert keys.exists(1) is False


def test_only_the_apps_own_user_may_read_keys(keys: RoundKeys) -> None:
    keys.create(1)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in keys.directory.iterdir()}
    assert (stat.S_IMODE(keys.directory.stat().st_mode), modes) == (0o700, {0o600})


def test_a_destroyed_key_leaves_nothing_once_it_is_forgotten(keys: RoundKeys) -> None:
    key = keys.create(1)

    keys.destroy(1)
    keys.destroy(1)
    left = [path.read_bytes() for path in keys.directory.iterdir()]
    keys.forget(1)

    assert (keys.exists(1), any(key in content for content in left), list(keys.directory.iterdir())) == (False, False, [])
