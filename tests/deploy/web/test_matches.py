"""Matches of the watchlist in the API and on their page."""

from deploy.log.base import Record
from deploy.log.topics import MATCHES
from deploy.search.watchlist.matches import Match, MatchState, encode
from ingest.clock import NS
from tests.deploy.web.town import Town


def match(watch: str, tracklet: str, state: MatchState) -> Record:
    said = Match(
        id=f"{watch}|{tracklet}",
        watch=watch,
        state=state,
        tracklet=tracklet,
        observation=f"{tracklet}|1",
        camera=tracklet[0],
        label="van",
        at_ns=3 * NS,
        first_ns=NS,
        last_ns=2 * NS,
        probability=0.75,
        similarity=0.5,
    )
    return Record(MATCHES, watch, encode(said))


def test_the_latest_word_on_each_match_is_shown_with_its_identity(own: Town) -> None:
    assert own.client.get("/api/v1/matches").json == {"matches": []}
    assert "Nothing has matched" in own.client.get("/matches").text
    own.log.claim("watch/z").commit(
        [
            match("white <van>", "a|1.0|1", MatchState.PROVISIONAL),
            match("bus", "nowhere|1.0|9", MatchState.PROVISIONAL),
            match("white <van>", "a|1.0|1", MatchState.CONFIRMED),
            Record(MATCHES, "bus", b"{}"),
        ]
    )
    shown = own.client.get("/api/v1/matches").json["matches"]
    assert [(each["watch"], each["state"]) for each in shown] == [("white <van>", "confirmed"), ("bus", "provisional")]
    assert shown[0]["entered"] == "1970-01-01T00:00:01Z"
    assert shown[0]["identity"].startswith("z-")
    assert shown[1]["identity"] is None
    page = own.client.get("/matches").text
    assert "white &lt;van&gt;" in page
    assert f'href="/identities/{shown[0]["identity"]}"' in page
    assert own.site.follower.undecoded.counts[MATCHES].total() == 1
