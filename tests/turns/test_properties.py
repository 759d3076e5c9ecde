"""Whatever order events come in, the turns stay sound."""

from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import events as e
from livewidget.turns import Conversation

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
    st.builds(e.Interrupted),
    st.builds(e.GenerationComplete),
    st.builds(e.TurnComplete),
    st.builds(e.WaitingForInput),
    st.builds(e.Usage),
)
STEP = st.tuples(EVENT, st.sampled_from([0.0, 40.0, 2000.0]), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_any_order_of_events_leaves_sound_turns(steps):
    conversation = Conversation()
    now = 0.0
    seen = {}
    for event, pause, heard in steps:
        now += pause
        for turn in conversation.fold(event, now):
            seen[turn.index] = turn
        if heard and conversation.turns:
            for turn in conversation.heard(conversation.turns[-1].index, 1000):
                seen[turn.index] = turn
        turns = conversation.turns
        assert [turn.index for turn in turns] == sorted({turn.index for turn in turns})
        unfinished = [turn for turn in turns if turn.speaker == "model" and not turn.final]
        assert [turn.index for turn in unfinished] == (
            [] if conversation.model_turn is None else [conversation.model_turn]
        )
        for turn in turns:
            samples = [span.sample for span in turn.spans]
            assert samples == sorted(samples)
            assert "".join(span.text for span in turn.spans).startswith(turn.text)
            assert turn.latency_ms is None or turn.latency_ms >= 0
    for turn in conversation.fold(e.SessionEnded(), now):
        seen[turn.index] = turn
    assert all(turn.final for turn in conversation.turns)
    assert not any(use.state == "running" for turn in conversation.turns for use in turn.tools)
    # Whoever replaces turns by their index has the same turns, but for the length of sound.
    assert [turn.text for turn in conversation.turns] == [seen[index].text for index in sorted(seen)]


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENT, max_size=30))
def test_no_word_of_the_models_is_lost(events):
    conversation = Conversation()
    for event in events:
        conversation.fold(event, 0.0)
    said = sum(len(event.text) for event in events if isinstance(event, e.OutputTranscript | e.OutputText))
    turns = [turn for turn in conversation.turns if turn.speaker == "model"]
    assert sum(len(span.text) for turn in turns for span in turn.spans) == said
