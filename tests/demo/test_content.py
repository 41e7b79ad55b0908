"""The demo's texts fit the rules that everybody's topics have to keep, so that building it can't fail."""

from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from membership.demo import content
from membership.voting.presets import topics_fault
from membership.voting.titles import faults_of, title_key

SUGGESTIONS = content.read_yaml("board.yaml")["suggestions"]
ON_BALLOTS = [topic for vote in content.read_votes() for topic in vote.topics]
PATRONS = content.read_yaml("people.yaml")["patrons"]


@pytest.mark.parametrize("topic", [*SUGGESTIONS, *ON_BALLOTS], ids=lambda topic: topic.get("key") or topic.get("slug"))
def test_each_topic_is_worded_as_the_board_takes_it(topic: content.DemoTopic) -> None:
    titles = [topic["title"], topic.get("worded", topic["title"])]

    assert [faults_of(title, topic["why"], topic.get("sources", [])) for title in titles] == [[], []]


def test_no_two_topics_are_twins() -> None:
    keys = Counter(title_key(topic["title"]) for topic in (*SUGGESTIONS, *ON_BALLOTS))

    assert [key for key, many in keys.items() if many > 1] == []


def test_whatever_a_topic_names_is_there() -> None:
    slugs = {article.slug for article in content.read_articles(ZoneInfo("Europe/Kyiv"), today=content.WRITTEN_ON)}
    named = {topic[name] for topic in (*SUGGESTIONS, *ON_BALLOTS) for name in ("from", "story") if name in topic}
    seen: list[str] = []
    for suggestion in SUGGESTIONS:
        assert suggestion.get("into", suggestion["key"]) in (*seen, suggestion["key"])
        seen.append(suggestion["key"])

    assert named <= slugs
    assert max(suggestion["by"] for suggestion in SUGGESTIONS) < len(PATRONS)
    assert max(topic.get("supporters", 0) for topic in (*SUGGESTIONS, *ON_BALLOTS)) < len(PATRONS)


def test_the_next_vote_can_be_scheduled_as_it_stands() -> None:
    shortlisted = {suggestion["key"] for suggestion in SUGGESTIONS if suggestion.get("answer") == "shortlisted"}
    topics = content.read_yaml("board.yaml")["next_vote"]

    assert (set(topics) <= shortlisted, topics_fault("monthly", len(topics))) == (True, None)
