"""An answer belongs to its question, and comes within its time.

The peer answers what it gets as a test says; nothing on the wire names the question an answer belongs to.
"""

import asyncio
import contextvars
import json
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from livewidget import StandIn
from livewidget.config import Limits
from livewidget.errors import AnswerTimeout, UsageError
from livewidget.events import TextSent, ToolResult
from livewidget.protocol.messages import VoiceActivity
from livewidget.session import connect
from livewidget.turns import Floor
from tests.peer import eventually

from .exchange import LOUD, Exchange, Talk, settle

pytestmark = pytest.mark.timeout(60)
NO_ANSWER = "The model ended its turn without an answer; ask again, or in other words."
INTERRUPTED = "The question was interrupted before it was answered; ask it again."


def seven() -> int:
    """Return seven."""
    return 7


def ask(talk, *args, **more):
    return asyncio.create_task(talk.session.ask(*args, **more))


async def next_question(peer):
    """The text of the next message, which is a question."""
    message = await peer.receive()
    while message.client_content is None or not message.client_content.turns:
        message = await peer.receive()
    return message.client_content.turns[0].parts[0].text


async def outcome(task):
    """What a question came to: the text of its answer, or the sentence of its error."""
    async with asyncio.timeout(30):
        (result,) = await asyncio.gather(task, return_exceptions=True)
    return getattr(result, "text", None) if not isinstance(result, BaseException) else str(result)


# --- Each its own ------------------------------------------------------------------------------------------


async def test_questions_asked_at_once_are_sent_one_after_the_other_and_each_gets_its_answer():
    async with Talk() as talk:
        asking = [ask(talk, f"question {number}") for number in range(4)]
        for number in range(4):
            assert await next_question(talk.peer) == f"question {number}"
            assert await talk.peer.rest() == []
            await talk.peer.answer(f"answer {number}")
        assert [await outcome(one) for one in asking] == [f"answer {number}" for number in range(4)]
        assert [text for _, text in talk.texts][::2] == [f"question {number}" for number in range(4)]


async def test_so_they_do_from_the_real_stand_in():
    async with connect(StandIn(voice=lambda text: np.zeros(2400, np.float32))) as session:
        sums = [("one plus one", "two"), ("two plus two", "four"), ("three plus three", "six")]
        turns = await asyncio.gather(*(session.ask(f"what is {what}", 30) for what, _ in sums))
        for turn, (_, result) in zip(turns, sums, strict=True):
            assert result in turn.text


async def test_tools_run_before_the_answer_to_their_own_question():
    async with Talk(tools=[seven]) as talk:
        asking = [ask(talk, "one"), ask(talk, "two")]
        await next_question(talk.peer)
        await talk.peer.call("seven", id="a")
        await talk.peer.result()
        await talk.peer.answer("first")
        assert await next_question(talk.peer) == "two"
        await talk.peer.answer("second")
        assert [await outcome(one) for one in asking] == ["first", "second"]
        assert [len(turn.tools) for turn in talk.session.turns] == [0, 1, 0, 0]


@pytest.mark.parametrize("ends", ["times out", "is cancelled"])
@pytest.mark.parametrize("begun", [False, True])
async def test_one_that_nobody_waits_for_any_more_leaves_its_answer_to_nobody(ends, begun):
    """Its late answer is not the next question's, whether it has begun by then or not."""
    async with Talk() as talk:
        first = ask(talk, "one", timeout=0.2 if ends == "times out" else 20)
        second, third = ask(talk, "two", timeout=20), ask(talk, "three", timeout=20)
        assert await next_question(talk.peer) == "one"
        if begun:
            await talk.peer.say("fir")
            await eventually(lambda: talk.session.floor is Floor.MODEL)
        if ends == "is cancelled":
            first.cancel()
        await asyncio.wait([first])
        await settle()
        if not begun:
            assert await talk.peer.rest() == [], "the next question is not sent before this one is answered"
        await talk.peer.answer("st" if begun else "first")
        for question, answer in (("two", "second"), ("three", "third")):
            assert await next_question(talk.peer) == question
            await talk.peer.answer(answer)
        assert (await outcome(second), await outcome(third)) == ("second", "third")


async def test_a_question_that_the_model_lost_does_not_keep_the_next_one_waiting_for_ever():
    async with Talk() as talk:
        with pytest.raises(AnswerTimeout):
            await talk.session.ask("one", timeout=0.05)
        second = ask(talk, "two", timeout=3)
        assert await next_question(talk.peer) == "one"
        assert await next_question(talk.peer) == "two"
        await talk.peer.answer("second")
        await eventually(lambda: talk.session.floor is Floor.LISTENING)
        await talk.wait(2000)
        assert await outcome(second) == "second"


async def test_a_server_that_answers_one_after_the_other_is_told_from_one_that_lost_a_question():
    """After an input without an answer, the next turn may belong to it: another one that follows says so."""
    async with Talk() as talk:
        await talk.session.send_text("typed")
        second = ask(talk, "two", timeout=20)
        assert [await next_question(talk.peer) for _ in range(2)] == ["typed", "two"]
        await talk.peer.answer("to what was typed")
        await eventually(lambda: talk.session.floor is Floor.LISTENING)
        await talk.wait(500)
        await talk.peer.answer("second")
        assert await outcome(second) == "second"


@pytest.mark.parametrize("follows", [True, False])
async def test_what_is_typed_before_the_answer_begins(follows):
    """The answer is the question's where another one follows it, else that of what was typed."""
    async with Talk() as talk:
        first = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.session.send_text("typed")
        await next_question(talk.peer)
        await talk.peer.answer("an answer")
        await eventually(lambda: talk.session.floor is Floor.LISTENING)
        if follows:
            await talk.peer.answer("to what was typed")
        else:
            await talk.wait(2000)
        assert await outcome(first) == ("an answer" if follows else INTERRUPTED)


@pytest.mark.parametrize("by", ["text", "announced speech", "speech"])
async def test_one_that_is_interrupted_before_its_answer_begins_is_not_given_the_next_answer(by):
    """Services complete what was interrupted, and then answer what interrupted it."""
    async with Talk() as talk:
        first = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        if by == "text":
            await talk.session.send_text("typed")
        await talk.peer.content(interrupted=True)
        await talk.peer.turn_complete()
        if by == "announced speech":
            await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
            await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_END"))
        elif by == "speech":
            await talk.peer.heard("something else")
        await talk.peer.answer("to something else")
        assert await outcome(first) == INTERRUPTED
        second = ask(talk, "two", timeout=20)
        while await next_question(talk.peer) != "two":
            pass
        await talk.peer.answer("second")
        assert await outcome(second) == "second"


@pytest.mark.parametrize("announced", [True, False])
async def test_one_that_is_asked_amid_speech_comes_before_it(announced):
    """Speech counts from its end: what is typed meanwhile is answered first."""
    async with Talk() as talk:
        if announced:
            await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
        await talk.session.send_audio(LOUD)
        await talk.peer.heard("what is")
        await eventually(lambda: talk.session.floor is Floor.USER)
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.heard(" this")
        if announced:
            await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_END"))
        await talk.peer.answer("first")
        await settle()
        await talk.wait(500)
        await talk.peer.answer("to what was said")
        assert await outcome(asked) == "first"


async def test_one_that_is_asked_after_speech_comes_after_it():
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        await talk.peer.heard("what is this")
        await eventually(lambda: talk.session.floor is Floor.USER)
        await talk.wait(1500)
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.answer("to what was said")
        await settle()
        await talk.wait(500)
        await talk.peer.answer("first")
        assert await outcome(asked) == "first"


async def test_one_that_interrupts_waits_for_its_own_answer():
    """The completion of what it interrupts is not its own, however long its answer takes."""
    async with Talk() as talk:
        await talk.session.send_text("typed")
        first = ask(talk, "one", timeout=20)
        assert [await next_question(talk.peer) for _ in range(2)] == ["typed", "one"]
        await talk.peer.content(interrupted=True)
        await talk.peer.turn_complete()
        await settle()
        await talk.wait(8000)
        assert talk.session.floor is Floor.THINKING
        await talk.peer.answer("first")
        assert await outcome(first) == "first"


async def test_an_answer_that_is_interrupted_is_an_answer():
    async with Talk() as talk:
        first, second = ask(talk, "one"), ask(talk, "two")
        await next_question(talk.peer)
        await talk.peer.say("fir")
        await talk.peer.content(interrupted=True)
        await talk.peer.turn_complete()
        turn = await first
        assert (turn.text, turn.interrupted) == ("fir", True)
        await next_question(talk.peer)
        await talk.peer.answer("second")
        assert await outcome(second) == "second"


async def test_the_result_of_an_earlier_call_is_not_the_answer():
    """A model that completes its turn early speaks of the result in a turn of its own."""
    done = asyncio.Event()

    async def slow() -> int:
        """Take a while."""
        await done.wait()
        return 1

    async with Talk(Exchange("gemini-2.5-flash-native-audio-preview-12-2025"), tools=[slow]) as talk:
        await talk.session.send_text("use it")
        await talk.peer.receive()
        await talk.peer.call("slow")
        await talk.peer.turn_complete()
        await eventually(lambda: talk.session.floor is Floor.TOOL)
        asked = ask(talk, "two", timeout=20)
        await settle()
        done.set()
        await eventually(lambda: talk.told(ToolResult))
        await talk.peer.answer("it is one")
        await talk.peer.answer("second")
        assert await outcome(asked) == "second"


async def test_whoever_waits_when_the_session_ends_is_told():
    async with Talk() as talk:
        asking = [ask(talk, "one"), ask(talk, "two")]
        await next_question(talk.peer)
        await talk.session.close()
        for one in asking:
            assert await outcome(one) == "The session was closed before the answer was complete."
    assert [text for _, text in talk.texts] == ["one"]


async def test_stopping_the_model_ends_the_question_at_once():
    async with Talk() as talk:
        asked = ask(talk, "one")
        await next_question(talk.peer)
        await talk.session.interrupt()
        assert await outcome(asked) == INTERRUPTED
        assert talk.session.floor is Floor.LISTENING


# --- In a tool ----------------------------------------------------------------------------------------------


def asking_tools(calls):
    """Functions that ask the session they are tools of, each in another way."""

    async def coroutine() -> str:
        """Ask."""
        return (await calls["session"].ask("inner", 5)).text

    def function() -> str:
        """Ask."""
        return asyncio.run_coroutine_threadsafe(calls["session"].ask("inner", 5), calls["loop"]).result(10)

    def thread() -> str:
        """Ask in another thread."""
        found = []

        def work():
            try:
                calls["ask"]()
            except Exception as error:
                found.append(error)

        one = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        one.start()
        one.join(10)
        raise found[0]

    async def generator():
        """Ask between two values."""
        yield 1
        yield (await calls["session"].ask("inner", 5)).text

    return [coroutine, function, thread, generator]


@pytest.mark.parametrize("number", range(4), ids=["coroutine", "function", "thread", "generator"])
async def test_a_tool_is_told_that_the_model_waits_for_it(number):
    calls = {}
    tool = asking_tools(calls)[number]
    async with Talk(tools=[tool]) as talk:
        loop = asyncio.get_running_loop()
        calls |= {"session": talk.session, "loop": loop}
        calls["ask"] = lambda: asyncio.run_coroutine_threadsafe(talk.session.ask("inner", 5), loop).result(10)
        asked = ask(talk, "outer", timeout=20)
        await next_question(talk.peer)
        await talk.peer.call(tool.__name__)
        response = (await talk.peer.receive()).tool_response.function_responses[-1].response
        while "error" not in response:
            response = (await talk.peer.receive()).tool_response.function_responses[-1].response
        assert "the model is waiting for this tool: use send_text(), or return the text" in response["error"]
        await talk.peer.answer("outer's")
        assert await outcome(asked) == "outer's"
        assert [event.text for event in talk.told(TextSent)] == ["outer"]


async def test_a_tool_may_ask_another_session_and_what_it_started_may_ask_once_it_is_over():
    other, later = Talk(), []

    async def consult() -> str:
        """Ask another model."""

        async def after():
            await asyncio.sleep(0)
            await asyncio.wait([asked])
            return await talk.session.ask("later", 20)

        later.append(asyncio.create_task(after()))
        return (await other.session.ask("the other", 20)).text

    async with Talk(tools=[consult]) as talk, other:
        asked = ask(talk, "outer", timeout=20)
        await next_question(talk.peer)
        await talk.peer.call("consult")
        assert await next_question(other.peer) == "the other"
        await other.peer.answer("from the other")
        assert (await talk.peer.result()).response == {"result": "from the other"}
        await talk.peer.answer("outer's")
        assert await outcome(asked) == "outer's"
        assert await next_question(talk.peer) == "later"
        await talk.peer.answer("later's")
        assert await outcome(later[0]) == "later's"


# --- Within its time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        ("5", "not str"),
        (b"5", "not bytes"),
        (True, "not bool"),
        ([1], "not list"),
        (0, "not 0"),
        (-1, "not -1"),
        (math.nan, "not nan"),
        (-math.inf, "not -inf"),
    ],
)
async def test_a_time_is_a_number_of_seconds_above_0(seconds, says):
    async with Talk() as talk:
        with pytest.raises(UsageError, match=f"^timeout is a number of seconds above 0, such as 30.*{says}"):
            await talk.session.ask("Hello", seconds)
        assert talk.session.turns == []


async def test_a_time_beyond_all_floats_is_one_too():
    async with Talk() as talk:
        with pytest.raises(UsageError, match="too large"):
            await talk.session.ask("Hello", 10**400)


@pytest.mark.parametrize("seconds", [np.float32(20), np.int64(20), math.inf, 1e308])
async def test_it_may_be_any_number_and_infinity_is_no_limit(seconds):
    async with Talk() as talk:
        asked = ask(talk, "one", seconds)
        await next_question(talk.peer)
        await talk.peer.answer("first")
        assert await outcome(asked) == "first"


async def test_without_one_it_is_that_of_the_limits():
    async with Talk(limits=Limits(ask_s=0.05)) as talk:
        with pytest.raises(AnswerTimeout, match=r"after 0\.05 s"):
            await talk.session.ask("Hello")


class Stuck(Exchange):
    """A peer whose link takes nothing more once it is set up."""

    async def dial(self):
        client = await super().dial()
        send, sent = client.send, []

        async def slow(frame):
            sent.append(frame)
            await (send(frame) if len(sent) == 1 else asyncio.Event().wait())

        client.send = slow
        return client


async def test_sending_counts_and_what_was_not_sent_is_taken_back():
    async with Talk(Stuck()) as talk:
        sending = asyncio.create_task(talk.session.send_audio(LOUD))
        await settle()
        with pytest.raises(AnswerTimeout, match="still waited for the question to be sent"):
            await talk.session.ask("Hello", timeout=0.05)
        assert talk.session.floor is Floor.LISTENING
        assert "not-sent" in talk.notices
        sending.cancel()


async def test_waiting_for_an_earlier_question_counts():
    async with Talk() as talk:
        first = ask(talk, "one")
        await settle()
        with pytest.raises(AnswerTimeout, match="still waited for the answer to an earlier question"):
            await talk.session.ask("two", timeout=0.05)
        await next_question(talk.peer)
        await talk.peer.answer("first")
        assert await outcome(first) == "first"
        assert await talk.peer.rest() == []


async def test_the_tool_and_the_person_it_waited_for_are_named():
    from livewidget.tools import Tool

    async def never() -> int:
        """Never return."""
        await asyncio.Event().wait()

    tools = [never, Tool.of(lambda: 1, name="door", require_approval=True)]
    async with Talk(tools=tools, approve=True) as talk:
        for tool, says in (("never", "the tool never"), ("door", "somebody to allow door")):
            asked = ask(talk, tool, timeout=0.2)
            await next_question(talk.peer)
            await talk.peer.call(tool, id=tool)
            assert f"still waited for {says}" in await outcome(asked)
            await talk.peer.turn_complete()
            await talk.session.interrupt()
            await settle()


FORKED = """
import asyncio, json, os, sys
from livewidget.session import connect
from livewidget import StandIn

async def main():
    async with connect(StandIn()) as session:
        reader, writer = os.pipe()
        if not os.fork():
            found = []
            for work in (session.ask("hello", 5), session.send_text("hello")):
                try:
                    work.send(None)
                except Exception as error:
                    found.append(f"{type(error).__name__}: {error}")
            os.write(writer, json.dumps(found).encode())
            os._exit(0)
        print(os.read(reader, 10_000).decode())

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_in_a_fork_it_is_a_sentence_and_no_hang():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, timeout=50, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert len(found) == 2
    assert all(one.startswith("StateError: This session was opened in another process") for one in found)


# --- Turns that end with nothing ----------------------------------------------------------------------------


async def complete(peer, **fields):
    await peer.content(turn_complete=True, **fields)


async def usage(peer):
    await peer.raw('{"usageMetadata": {"totalTokenCount": 5}}')


async def thought(peer):
    await peer.raw(
        '{"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": true}]}, "turnComplete": true}}'
    )


async def interrupted_and_complete(peer):
    await peer.content(interrupted=True)
    await complete(peer)


EMPTY = {
    "complete": complete,
    "generation complete": lambda peer: peer.content(generation_complete=True),
    "usage": usage,
    "usage and complete": lambda peer: peer.raw(
        '{"serverContent": {"turnComplete": true}, "usageMetadata": {"totalTokenCount": 5}}'
    ),
    "interrupted": lambda peer: peer.content(interrupted=True),
    "interrupted and complete": interrupted_and_complete,
    "a thought": thought,
    "rejected": lambda peer: complete(peer, turn_complete_reason="RESPONSE_REJECTED"),
    "unheard of": lambda peer: complete(peer, turn_complete_reason="GENERATED_AUDIO_SAFETY"),
}


@pytest.mark.parametrize("what", EMPTY)
async def test_an_empty_turn_ends_the_question_within_seconds(what):
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=50)
        await next_question(talk.peer)
        await EMPTY[what](talk.peer)
        await settle()
        await talk.wait(6000)
        found = await outcome(asked)
        assert found == INTERRUPTED if "interrupted" in what else found.startswith(NO_ANSWER[:42]), found
        assert talk.session.floor is Floor.LISTENING
        await talk.exchange("two", "second")
        assert talk.texts[-1] == ("model", "second")


@pytest.mark.parametrize("what", [name for name in EMPTY if name != "a thought"])
async def test_a_spoken_question_that_got_nothing_is_told(what):
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        for kind in ("ACTIVITY_START", "ACTIVITY_END"):
            await talk.peer.send(voice_activity=VoiceActivity(type=kind))
        await eventually(lambda: talk.session.floor is Floor.THINKING)
        await EMPTY[what](talk.peer)
        await settle()
        await talk.wait(7500)
        assert talk.session.floor is Floor.LISTENING
        told = talk.notices.get("turn-ended") or talk.notices.get("no-answer")
        assert told.startswith(NO_ANSWER[:42])
        if what == "rejected":
            assert "response rejected" in told


@pytest.mark.parametrize("what", [name for name in EMPTY if name != "a thought"])
async def test_so_is_one_whose_end_nobody_announces(what):
    """Most models do not say that speech has begun or ended: transcripts are all there is."""
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        await talk.peer.heard("what is")
        await eventually(lambda: talk.session.floor is Floor.USER)
        await EMPTY[what](talk.peer)
        await settle()
        await talk.wait(7500)
        assert talk.session.floor is Floor.LISTENING
        told = talk.notices.get("turn-ended") or talk.notices.get("no-answer")
        assert told.startswith(NO_ANSWER[:42])


async def test_an_answer_that_follows_an_empty_turn_is_the_answer():
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.turn_complete()
        await settle()
        await talk.wait(1000)
        await talk.peer.answer("first")
        assert await outcome(asked) == "first"
        await talk.wait(5000)
        assert "no-answer" not in talk.notices


async def test_a_reason_after_half_an_answer_is_told_and_the_half_is_the_answer():
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.say("half")
        await complete(talk.peer, turn_complete_reason="RESPONSE_REJECTED")
        assert await outcome(asked) == "half"
        assert talk.notices["turn-ended"].startswith("The model ended its answer early (response rejected)")


@pytest.mark.parametrize("fields", [{"waiting_for_input": True}, {"turn_complete_reason": "NEED_MORE_INPUT"}])
async def test_a_model_that_wants_to_hear_more_has_declined(fields):
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.content(turn_complete="turn_complete_reason" in fields or None, **fields)
        await settle()
        await talk.wait(2500)
        assert (await asked).declined
        assert talk.notices == {}


async def test_an_answer_that_is_never_completed_ends_when_it_has_been_played():
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.say("all of it", seconds=3)
        await talk.peer.content(generation_complete=True)
        await settle()
        await talk.wait(4500)
        assert not asked.done()
        await talk.wait(1000)
        assert await outcome(asked) == "all of it"
        assert talk.notices == {}
        assert talk.session.floor is Floor.LISTENING


async def test_an_answer_that_stops_in_the_middle_ends_and_is_told():
    async with Talk() as talk:
        asked = ask(talk, "one", timeout=50)
        await next_question(talk.peer)
        await talk.peer.say("once upon a", seconds=3)
        await settle()
        await talk.wait(22_000)
        assert not asked.done()
        await talk.wait(1500)
        assert await outcome(asked) == "once upon a"
        assert talk.notices["answer-cut"].startswith("The model stopped amid its answer")
        assert talk.session.floor is Floor.LISTENING


@pytest.mark.parametrize("words", [True, False])
async def test_a_tool_and_then_words_without_sound_or_nothing(words):
    async with Talk(tools=[seven]) as talk:
        asked = ask(talk, "one", timeout=20)
        await next_question(talk.peer)
        await talk.peer.call("seven")
        await talk.peer.result()
        if words:
            await talk.peer.raw('{"serverContent": {"outputTranscription": {"text": "seven"}}}')
        await talk.peer.turn_complete()
        await settle()
        if not words:
            await talk.wait(2500)
        turn = await asked
        assert (turn.text, len(turn.tools)) == ("seven" if words else "", 1)
        assert talk.session.floor is Floor.LISTENING
