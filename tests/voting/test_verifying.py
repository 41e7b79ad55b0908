"""A stranger's check: forged, shifted and re-signed certificates are refused with the reason, and honest ones never are."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from membership.voting.public_keys import NoKeys, jwk_set, read_jwk_set, thumbprint
from membership.voting.verifying import lines_of, main, verify
from tests.factories.certificates import KEYS, OTHER_KEY, make_numbers, make_payload, public_half, signed

MANY = {"a,b": 90, "b,c": 61, "c": 40, "a,d,e": 33, "d": 20, "b,c,e": 5}
SOME = {"a,b": 20, "c": 17, "a,d,e": 13, "b,c": 9}
FEW = {"a,b": 9, "c": 5}
ALL = ("form", "signature", "settings", "seed", "lots", "sums", "order", "steps", "numbers")
Payload = dict[str, Any]
Path_ = tuple[str | int, ...]


def states(document: bytes, **options: Any) -> dict[str, str]:
    return {check.name: check.state for check in verify(document, keys=KEYS, **options).checks}


def refusals(document: bytes, **options: Any) -> dict[str, str]:
    return {check.name: check.says for check in verify(document, keys=KEYS, **options).checks if check.state == "failed"}


def changed(payload: Payload, path: Path_, value: Any) -> Payload:
    copied: Any = copy.deepcopy(payload)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value(inner[path[-1]]) if callable(value) else value
    return copied  # type: ignore[no-any-return]


def plus_one(number: int) -> int:
    return number + 1


# What was changed after signing, or signed by somebody else.


def test_a_total_raised_by_one_does_not_fit_its_signature() -> None:
    document = signed(make_payload(MANY))
    forged = document.replace(b'"ticks":{"a":123', b'"ticks":{"a":124')

    assert forged != document
    assert refusals(forged) == {
        "signature": "the signature doesn't fit: it is another one's, or something was changed after signing",
        "sums": "the score of a at step 1 doesn't follow from its readers",
    }


def test_the_signature_of_another_vote_does_not_fit() -> None:
    april = json.loads(signed(make_payload(MANY, name="The April vote")))["signature"]["value"]

    assert list(refusals(signed(make_payload(MANY), value=april))) == ["signature"]


def test_a_certificate_signed_anew_with_another_key_names_that_key() -> None:
    said = refusals(signed(make_payload(MANY), OTHER_KEY))["signature"]

    assert said == f"signed with the key {thumbprint(public_half(OTHER_KEY))}, which is none of the keys given"


def test_a_foreign_signature_under_our_keys_name_does_not_fit() -> None:
    assert list(refusals(signed(make_payload(MANY), OTHER_KEY, kid=next(iter(KEYS))))) == ["signature"]


@pytest.mark.parametrize("value", ["", "A", "not base64url!", "AAAA", "é"])
def test_a_signature_that_is_none_is_refused(value: str) -> None:
    assert list(refusals(signed(make_payload(MANY), value=value))) == ["signature"]


def test_another_algorithm_is_refused() -> None:
    assert refusals(signed(make_payload(MANY), algorithm="none")) == {"signature": "certificates are signed with Ed25519"}


# What is no certificate at all.


UNREADABLE = "it can't be read as JSON: perhaps a part of it is missing"
REWRITTEN = "it was written anew, with other spaces, another order or other escapes; take the file as it was given"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text[: len(text) // 2], UNREADABLE),
        (lambda text: b"", UNREADABLE),
        (lambda text: b"\xff" + text, UNREADABLE),
        (lambda text: b"[" * 100_000, UNREADABLE),
        (lambda text: text.replace(b'"seats":2', b'"seats":' + b"9" * 5000), UNREADABLE),
        (lambda text: b" " * 5_000_000, "it is far too long for a certificate"),
        (lambda text: text.replace(b'"seats":2', b'"seats":2,"seats":3'), "“seats” stands in it twice"),
        (lambda text: text.replace(b'"seats":2', b'"seats":2.0'), "2.0 is not a whole number"),
        (lambda text: text.replace(b'"seats":2', b'"seats":NaN'), "NaN is not a whole number"),
        (lambda text: text.replace(b'"seats":2', b'"seats":9007199254740992'), "a number in it is too big"),
        (lambda text: text.replace(b'"seats":2', b'"seats": 2'), REWRITTEN),
        (lambda text: text.replace(b"About a", b"\\u0041bout a"), REWRITTEN),
    ],
)
def test_what_is_no_certificates_text_is_refused_with_the_reason(spoil: Callable[[bytes], bytes], reason: str) -> None:
    assert refusals(spoil(signed(make_payload(MANY)))) == {"form": f"this is no certificate: {reason}"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("settings", "seats"), -2),
        (("settings", "seats"), True),
        (("settings", "seats"), None),
        (("topics", "a"), []),
        (("lot", "of", "a"), "AB" * 32),
        (("times", "announced_end"), "2026-03-39T17:00:00Z"),
        (("count", "steps", 1, "readers", "c", 0), "many"),
        (("count", "steps", 1, "drawn"), "ab"),
    ],
)
def test_what_should_stand_elsewhere_is_refused_by_its_place(path: Path_, value: Any) -> None:
    where = "payload" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    reason = f"this is no certificate: {where} is missing, or not what should stand there"

    assert refusals(signed(changed(make_payload(MANY), path, value))) == {"form": reason}


def test_a_field_too_many_or_too_few_is_refused() -> None:
    reason = {"form": "this is no certificate: payload.box is missing, or not what should stand there"}

    assert refusals(signed(changed(make_payload(MANY), ("box", "voters"), []))) == reason
    assert refusals(signed(changed(make_payload(MANY), ("box",), {"counted": 249}))) == reason
    assert refusals(b"null") == {"form": "this is no certificate: the whole is missing, or not what should stand there"}


# What the right key has signed and still can't be.


@pytest.mark.parametrize(
    ("path", "value", "failing"),
    [
        (("count", "ticks", "a"), plus_one, "sums"),
        (("count", "unit"), 6, "sums"),
        (("count", "steps", 0, "scores", "a"), plus_one, "sums"),
        (("count", "steps", 1, "readers", "c"), lambda row: row[::-1], "sums"),
        (("count", "without_a_winner"), plus_one, "sums"),
        (("count", "steps"), lambda steps: steps[::-1], "sums"),
        (("count", "steps"), lambda steps: steps[1:], "sums"),
        (("count", "steps"), lambda steps: steps[:1], "sums"),
        (("count", "steps", 0, "winner"), "e", "sums"),
        (("count", "steps", 0, "margin"), plus_one, "order"),
        (("count", "steps", 0, "drawn"), ["a", "b"], "order"),
        (("count", "by_most_ticks"), ["a", "b"], "order"),
        (("winners",), lambda winners: winners[::-1], "order"),
        (("winners",), ["a", "a"], "settings"),
        (("winners",), ["b", "z"], "settings"),
        (("lot", "seed"), "00" * 32, "seed"),
        (("lot", "of", "a"), "00" * 32, "lots"),
        (("roll", "sha256"), "00" * 32, "lots"),
        (("roll", "could_vote"), 3, "settings"),
        (("box", "not_counted"), 12, "settings"),
        (("box", "counted"), plus_one, "sums"),
        (("box", "counted"), 99, "settings"),
        (("count",), None, "settings"),
        (("settings", "rule"), "borda", "settings"),
        (("settings", "seats"), 2**50, "settings"),
        (("settings", "most_ticks"), 2, "steps"),
        (("times", "closed"), "2026-03-29T16:00:00Z", "settings"),
        (("times", "counted"), "2026-03-29T16:00:00Z", "settings"),
        (("times", "published"), None, "settings"),
        (("topics", "a", "withdrawn"), {"at": "2026-03-23T12:00:00Z", "reason": "wrong"}, "settings"),
        (("ballot_numbers",), None, "numbers"),
        (("ballot_numbers", "listed"), 7, "numbers"),
    ],
)
def test_what_does_not_add_up_is_refused_though_the_right_key_signed_it(path: Path_, value: Any, failing: str) -> None:
    assert failing in refusals(signed(changed(make_payload(MANY), path, value)))


def test_rows_shifted_by_one_topic_at_the_second_step_are_refused() -> None:
    payload = make_payload(MANY)
    step = payload["count"]["steps"][1]
    names = sorted(step["readers"])
    for part in ("readers", "scores"):
        step[part] = dict(zip(names, [step[part][name] for name in (*names[1:], names[0])], strict=True))

    assert "sums" in refusals(signed(payload))


def test_a_count_that_stops_too_soon_is_refused() -> None:
    stopped = changed(make_payload(SOME), ("count", "steps"), lambda steps: steps[:1])

    assert refusals(signed(changed(stopped, ("winners",), lambda winners: winners[:1]))) == {
        "order": "the count goes on too long or stops too soon",
    }


def test_who_has_won_once_does_not_become_one_who_has_not() -> None:
    """Ticks, score and order of e stay possible at its last step; only the step before says otherwise."""
    payload = make_payload(MANY, seats=3)
    before, after = (payload["count"]["steps"][number]["readers"]["e"] for number in (1, 2))
    after[:] = [before[0] + 1, before[1] - 1, 0]
    payload["count"]["steps"][2]["scores"]["e"] = 6 * after[0] + 3 * after[1]

    assert refusals(signed(payload)) == {"steps": "the readers of e after step 2 don't follow from those before"}


def test_with_one_tick_for_each_reader_no_score_can_fall() -> None:
    payload = make_payload({"a": 60, "c": 40, "d": 20}, topics="acd", most_ticks=1)
    step = payload["count"]["steps"][1]
    step["readers"]["d"], step["scores"]["d"], step["margin"] = [10, 10], 30, 50

    assert refusals(signed(payload)) == {"steps": "after step 1 more readers weigh less than a has with ticks to spare"}


def test_a_vote_whose_end_was_moved_has_to_tell_each_move() -> None:
    move = {"at": "2026-03-25T12:00:00Z", "from": "2026-03-27T17:00:00Z", "to": "2026-03-29T17:00:00Z", "note": "A storm."}
    told = changed(make_payload(MANY), ("times", "moved"), [move])

    assert refusals(signed(told)) == {}
    for part, value in (("to", "2026-03-28T17:00:00Z"), ("from", "2026-03-30T17:00:00Z"), ("at", "2026-03-28T12:00:00Z")):
        assert "settings" in refusals(signed(changed(told, ("times", "moved", 0, part), value)))


def test_another_list_of_ballot_numbers_is_refused() -> None:
    document = signed(make_payload(MANY))
    listed = make_numbers(249)
    lines = listed.splitlines(keepends=True)

    assert states(document, numbers=listed)["numbers"] == "passed"
    for other in (b"", lines[0] * 249, b"".join(lines[:-1]), b"".join([*lines[1:], lines[0]]), b"\xff" + listed):
        assert list(refusals(document, numbers=other)) == ["numbers"]


# What holds.


@pytest.mark.parametrize(
    ("ballots", "absent"),
    [(MANY, set()), (SOME, {"sums", "steps"}), (FEW, {"sums", "order", "steps"})],
    ids=["100", "20", "fewer"],
)
@pytest.mark.parametrize("rule", ["fair_share", "plain"])
def test_each_check_says_what_the_certificate_lets_it_say(ballots: dict[str, int], absent: set[str], rule: str) -> None:
    found = states(signed(make_payload(ballots, rule=rule, seats=3)), numbers=make_numbers(sum(ballots.values())))

    assert found == {name: "absent" if name in absent else "passed" for name in ALL}


def test_names_in_any_script_hold() -> None:
    payload = make_payload(MANY, name='Березневе голосування «№ 1» 🗳️ " \\ \u007f')
    report = verify(signed(payload), keys=KEYS)

    assert (report.holds, report.about) == (True, f"{payload['vote']['name']} (march), The Test Gazette, https://gazette.example")


def test_without_the_key_of_the_vote_there_is_no_list_and_the_rest_holds() -> None:
    payload = changed(changed(make_payload(MANY), ("box", "key_lost"), True), ("ballot_numbers",), None)

    assert states(signed(payload))["numbers"] == "absent"
    assert refusals(signed(payload)) == {}


def test_a_withdrawn_topic_stands_beside_the_count() -> None:
    payload = make_payload(MANY)
    payload["topics"]["z"] = {"title": "About z", "withdrawn": {"at": "2026-03-23T12:00:00Z", "reason": "It is out already."}}

    assert refusals(signed(payload)) == {}


BALLOTS = st.frozensets(st.sampled_from("abcde"), min_size=1, max_size=3).map(lambda names: ",".join(sorted(names)))
PROFILES = st.dictionaries(BALLOTS, st.integers(1, 45), min_size=1, max_size=9)
VOTES = st.builds(make_payload, PROFILES, seats=st.integers(1, 5), rule=st.sampled_from(["fair_share", "plain"]))


@settings(max_examples=30, deadline=None)
@given(VOTES)
def test_no_honest_count_is_ever_refused(payload: Payload) -> None:
    assert refusals(signed(payload)) == {}


@settings(max_examples=30, deadline=None)
@given(VOTES, st.data())
def test_one_changed_number_signed_anew_is_noticed_unless_nothing_depends_on_it(payload: Payload, data: st.DataObject) -> None:
    """What may go unnoticed is listed here, and in the docstring of membership.voting.verifying."""
    path = data.draw(st.sampled_from([where for where in numbers_in(payload) if not is_free(payload, where)]))
    other = data.draw(st.one_of(st.integers(0, 300), st.integers(-3, 3).map(lambda by: max(0, at(payload, path) + by))))
    assume(other != at(payload, path))

    assert refusals(signed(changed(payload, path, other))) != {}


@settings(max_examples=30, deadline=None)
@given(VOTES, st.data())
def test_two_swapped_rows_signed_anew_are_noticed_unless_they_say_the_same(payload: Payload, data: st.DataObject) -> None:
    tables: list[Path_] = [("lot", "of")]
    if payload["count"]:
        tables += [("count", "ticks")]
        for number, step in enumerate(payload["count"]["steps"]):
            tables += [("count", "steps", number, part) for part in ("scores", "readers") if step[part]]
    path = data.draw(st.sampled_from(tables))
    names = sorted(at(payload, path))
    one, other = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    table = at(payload, path) | {one: at(payload, path)[other], other: at(payload, path)[one]}
    assume(table != at(payload, path))
    assume(not (path[-1] == "scores" and is_free(payload, (*path, one)) and is_free(payload, (*path, other))))
    if path[-1] == "readers":
        step = at(payload, path[:-1])
        ticks = payload["count"]["ticks"]
        assume((ticks[one], step["scores"][one]) != (ticks[other], step["scores"][other]))

    assert refusals(signed(changed(payload, path, table))) != {}


@settings(max_examples=30, deadline=None)
@given(VOTES, st.data())
def test_whatever_stands_there_instead_is_answered_with_a_report(payload: Payload, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(paths_in(payload))))
    odd = st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=5)
    instead = data.draw(odd | st.lists(odd, max_size=3) | st.dictionaries(st.sampled_from("abz"), odd, max_size=3))

    assert verify(signed(changed(payload, path, instead)), keys=KEYS).checks


def at(payload: Payload, path: Path_) -> Any:
    inner: Any = payload
    for key in path:
        inner = inner[key]
    return inner


def paths_in(data: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path:
        yield path
    for key, inner in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from paths_in(inner, (*path, key))


def numbers_in(payload: Payload) -> list[Path_]:
    return [path for path in paths_in(payload) if isinstance(at(payload, path), int) and not isinstance(at(payload, path), bool)]


def is_free(payload: Payload, path: Path_) -> bool:
    """Whether nothing else in the certificate depends on this number."""
    if path[-1] in ("could_vote", "most_ticks", "checked_by", "entry"):
        return True
    if path == ("settings", "seats"):
        few = payload["count"] is None
        return few or (payload["settings"]["rule"] == "plain" and chose_everything(payload))
    if path[-2:-1] != ("scores",) or path[2] == 0 or payload["box"]["counted"] >= 100:
        return False
    step = at(payload, path[:-2])
    return path[-1] not in (step["winner"], step["runner_up"]) or step["runner_up"] is None


def chose_everything(payload: Payload) -> bool:
    return {name for name, ticks in payload["count"]["ticks"].items() if ticks} <= set(payload["winners"])


# As a program.


def test_a_stranger_needs_neither_the_app_nor_its_database_nor_its_way_of_counting(tmp_path: Path) -> None:
    """In a process of its own: what it has loaded afterwards is what it needs."""
    (tmp_path / "certificate.json").write_bytes(signed(make_payload(MANY)))
    (tmp_path / "keys.json").write_text(json.dumps(jwk_set(KEYS)))
    program = (
        "import sys; from membership.voting.verifying import main; code = main(sys.argv[1:]);"
        "others = {'flask', 'sqlalchemy', 'membership.voting.tally', 'membership.voting.lots'};"
        "print(code, others & {*sys.modules})"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "certificate.json"), "--keys", str(tmp_path / "keys.json")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={}, cwd=Path(__file__).parents[2]).stdout

    lines = said.splitlines()
    assert (lines[0], lines[-2:]) == ("The March vote (march), The Test Gazette, https://gazette.example", ["It holds.", "0 set()"])


def test_the_program_says_what_failed_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forged, keys = tmp_path / "certificate.json", tmp_path / "keys.json"
    forged.write_bytes(signed(changed(make_payload(MANY), ("count", "ticks", "a"), plus_one)))
    keys.write_text(json.dumps(jwk_set(KEYS)))

    assert main([str(forged), "--keys", str(keys)]) == 1
    assert "FAILED sums: the score of a at step 1" in capsys.readouterr().out


def test_a_forgers_words_neither_hide_nor_feign_a_line_in_a_terminal() -> None:
    forged = make_payload(FEW, name="March\x1b[8m\nok     signature: fine\u202e")

    lines = list(lines_of(verify(signed(forged, OTHER_KEY), keys=KEYS)))

    assert lines[0] == "March [8m ok     signature: fine  (march), The Test Gazette, https://gazette.example"
    assert (lines[2][:17], lines[-1]) == ("FAILED signature:", "It does not hold.")


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"keys":[]}', b'{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}', b'{"keys":[1]}']
)
def test_a_file_without_keys_is_refused(text: bytes) -> None:
    with pytest.raises(NoKeys):
        read_jwk_set(text)


def test_a_key_goes_by_its_own_thumbprint_whatever_the_file_calls_it() -> None:
    """The example of RFC 8037, appendix A.3."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "our newest"}

    assert list(read_jwk_set(json.dumps({"keys": [key]}).encode())) == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]
