"""Whatever order events come in, the turns stay sound."""

from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import events as e
from livewidget.turns import ConversationTracker, DictationTracker, TranslationTracker
from tests.turns.talk import Talk, said, sound
from tests.turns.talk import heard as asked

WORDS = st.sampled_from(["", "one ", "two three ", "\n", "x" * 50])
IDS = st.sampled_from(["a", "b", "c"])
EVENT = st.one_of(
    st.builds(e.ActivityStart),
    st.builds(e.ActivityEnd),
    st.builds(e.TextSent, text=WORDS),
    st.builds(e.InputTranscript, text=WORDS, finished=st.booleans()),
    st.builds(e.InterimInputTranscript, text=WORDS),
    st.builds(e.OutputAudio, data=st.sampled_from([b"", b"\0", bytes(4800)])),
    st.builds(e.OutputTranscript, text=WORDS),
    st.builds(e.OutputText, text=WORDS),
    st.builds(e.Thought, text=WORDS),
    st.builds(e.ToolCall, id=IDS, name=st.just("f")),
    st.builds(e.ToolResult, id=IDS, name=st.just("f"), error=st.sampled_from([None, "bad"])),
    st.builds(e.ToolCallCancelled, ids=st.tuples(IDS)),
    st.builds(e.ToolApprovalRequested, id=IDS),
    st.builds(e.ToolApproved, id=IDS),
    st.builds(e.ToolUpdate, id=IDS, name=st.just("f"), result=st.just({"a": 1}), sent=st.booleans()),
    st.builds(e.ToolResult, id=IDS, name=st.just("f"), result=st.just({}), scheduling=st.just("SILENT")),
    st.builds(e.ToolCall, id=st.sampled_from(["r", "s"]), name=st.just("g"), remote=st.just(True)),
    st.builds(e.ToolResult, id=st.sampled_from(["r", "s"]), name=st.just("g"), remote=st.just(True)),
    st.builds(e.AgentChanged, agent=st.sampled_from(["", "kitchen", "hall"])),
    st.builds(e.Interrupted),
    st.builds(e.ConnectionReplaced, resumed=st.booleans(), why=st.just("link"), replayed=st.booleans()),
    st.builds(e.GenerationComplete),
    st.builds(e.TurnComplete),
    st.builds(e.WaitingForInput),
    st.builds(e.ImageSent, mime_type=st.just("image/jpeg"), size=st.just(1)),
    st.builds(e.ExecutableCode, code=WORDS, id=st.none() | IDS),
    st.builds(e.CodeResult, outcome=st.sampled_from([None, "OUTCOME_OK"]), id=st.none() | IDS),
    st.builds(e.Grounding, metadata=st.just({"webSearchQueries": ["tides"]})),
    st.builds(e.UrlContext, metadata=st.just({"urlMetadata": [{"retrievedUrl": "https://a.example"}]})),
    st.builds(e.InteractionStatus, status=st.sampled_from(["IN_PROGRESS", "IDLE"])),
    st.builds(e.SessionStarted),
    st.builds(e.Usage),
)
STEP = st.tuples(EVENT, st.sampled_from([0.0, 40.0, 2000.0]), st.booleans())


@settings(max_examples=300)
@given(
    st.lists(STEP, max_size=40), st.sampled_from([ConversationTracker, TranslationTracker, DictationTracker])
)
def test_any_order_of_events_leaves_sound_turns(steps, kind):
    tracker = kind()
    now = 0.0
    seen = {}
    for event, pause, heard in steps:
        now += pause
        tracker.audio_sent(40.0, now)
        for turn in [*tracker.tick(now), *tracker.fold(event, now)]:
            seen[turn.index] = turn
        if heard and tracker.turns:
            index = tracker.turns[-1].index
            for turn in [
                *tracker.playback_progress(index, 500, now),
                *tracker.playback_stopped(index, 1000, now),
            ]:
                seen[turn.index] = turn
        check(tracker)
    for turn in tracker.fold(e.SessionEnded(), now):
        seen[turn.index] = turn
    assert all(turn.final for turn in tracker.turns)
    assert not any(use.state == "running" for turn in tracker.turns for use in turn.tools)
    # Whoever replaces turns by their index has the same turns, but for the length of sound.
    assert [turn.text for turn in tracker.turns] == [seen[index].text for index in sorted(seen)]


def check(tracker):
    """Whatever happens, this is so."""
    turns = tracker.turns
    assert [turn.index for turn in turns] == sorted({turn.index for turn in turns})
    unfinished = [turn.index for turn in turns if turn.speaker == "model" and not turn.final]
    assert set(unfinished) <= {tracker.model_turn}
    if isinstance(tracker, ConversationTracker):
        assert unfinished == ([] if tracker.model_turn is None else [tracker.model_turn])
    for turn in turns:
        samples = [span.sample for span in turn.spans]
        assert samples == sorted(samples)
        assert "".join(span.text for span in turn.spans).startswith(turn.text)
        assert turn.latency_ms is None or turn.latency_ms >= 0
        assert not (turn.declined and (turn.spans or turn.interrupted))
        if turn.timing is not None:
            timing = turn.timing
            parts = (timing.network_ms or 0.0) + timing.tool_ms + timing.wait_ms
            parts += (timing.decision_ms or 0.0) + (timing.kernel_ms or 0.0) + (timing.playback_ms or 0.0)
            assert abs(parts - timing.first_sound_ms) < 1e-6
            assert turn.latency_ms in (None, timing.first_sound_ms)
            assert min(parts, timing.decision_ms or 0.0, timing.heard_ms or 0.0) >= 0


@settings(max_examples=100)
@given(st.lists(EVENT, max_size=30))
def test_no_word_of_the_models_is_lost(events):
    conversation = ConversationTracker()
    for event in events:
        conversation.fold(event, 0.0)
    said = sum(len(event.text) for event in events if isinstance(event, e.OutputTranscript | e.OutputText))
    turns = [turn for turn in conversation.turns if turn.speaker == "model"]
    assert sum(len(span.text) for turn in turns for span in turn.spans) == said


# --- Transcripts in any order -------------------------------------------------------------------------------

FRAGMENTS = st.lists(st.sampled_from(["uno ", "due ", "tre "]), min_size=1, max_size=4)
EXCHANGES = st.lists(st.tuples(FRAGMENTS, FRAGMENTS), min_size=1, max_size=4)


def shuffled(lanes, random, pauses):
    """The events of all lanes, each lane in its order, with pauses between them."""
    while any(lanes):
        lane = random.choice([lane for lane in lanes if lane])
        yield lane.pop(0)
        yield random.choice(pauses)


@settings(max_examples=300)
@given(EXCHANGES, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_fragments_land_in_their_turns_wherever_they_come_between_the_sound(
    exchanges, random, announced, finished
):
    """Where speech is announced, words may come until well after the answer; else while it is given.

    That is all that the wire can tell: a first word after a complete answer is the next question, unless its
    service announces questions.
    """
    talk = Talk()
    for question, answer in exchanges:
        words = [asked(word) for word in question]
        if finished:
            words[-1] = asked(question[-1], finished=True)
        parts = [sound(0.1) for _ in answer]
        if announced:
            after = random.randrange(len(words) + 1)
            late, words = words[len(words) - after :], words[: len(words) - after]
            lanes = [[e.ActivityStart(), e.ActivityEnd()], []]
        else:
            # The question comes first, for nothing else tells that there is one.
            late, lanes = [], [[], []]
        first = words[: random.randrange(len(words) + 1)] if announced else words[:1]
        talk.fold(*lanes[0][:1], *first, 20, *lanes[0][1:], 20)
        spoken = [said(word) for word in answer]
        talk.fold(*shuffled([words[len(first) :], spoken, parts], random, [0, 20, 300]))
        talk.fold(e.GenerationComplete(), e.TurnComplete(), *[step for word in late for step in (200, word)])
    assert talk.texts == [
        text
        for question, answer in exchanges
        for text in (("user", "".join(question)), ("model", "".join(answer)))
    ]
    assert all(turn.final for turn in talk.turns)
