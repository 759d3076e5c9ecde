from datetime import UTC, datetime

import pytest

from livewidget.standin.interfaces import Dialogue, FunctionRequest, Reply, Responder, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.patterns import say_number, say_result, tokens
from livewidget.standin.tutor.topics import SMALL_TALK, SORRY, SUGGESTIONS

LIGHT = {
    "name": "set_light",
    "parametersJsonSchema": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
}
SHAPE = {
    "name": "draw_shape",
    "description": "Draw a shape on the canvas.",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "shape": {"type": "STRING", "enum": ["circle", "square", "TRIANGLE"]},
            "color": {"type": "STRING", "enum": ["red", "dark blue"]},
        },
        "required": ["shape"],
    },
}
TIMER = {
    "name": "set_timer",
    "parameters": {"type": "OBJECT", "properties": {"minutes": {"type": "INTEGER"}}, "required": ["minutes"]},
}
WEATHER = {
    "name": "get_weather",
    "parametersJsonSchema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def mind(*declarations, hour=15):
    return TutorResponder(lambda: datetime(2026, 3, 1, hour, 7, tzinfo=UTC)).session(declarations)


async def say(text, *declarations):
    answer = await mind(*declarations).reply(text)
    assert isinstance(answer, Reply)
    return answer.text


async def test_it_is_a_brain():
    brain: Responder = TutorResponder()
    session: Dialogue = brain.session([], Skills())
    suggestions = brain.suggestions([], Skills())
    assert len(suggestions) >= 4
    for suggestion in suggestions:
        assert suggestion in session.phrases.sentences
        assert SORRY not in (await session.reply(suggestion)).text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what is seven plus five", "Seven plus five is twelve."),
        ("7+5", "Seven plus five is twelve."),
        ("What's 12 × 8?", "Twelve times eight is ninety six."),
        ("7x8", "Seven times eight is fifty six."),
        ("7 + 5 * 2 =", "Seven plus five times two is seventeen."),
        ("9 ÷ 3", "Nine divided by three is three."),
        ("how much is seven divided by two", "Seven divided by two is three point five."),
        ("10/3", "Ten divided by three is about three point three three."),
        ("three minus five", "Three minus five is minus two."),
        ("-3 + 5", "Minus three plus five is two."),
        ("two point five times two", "Two point five times two is five."),
        ("1,000 + one hundred and one", "One thousand plus one hundred one is one thousand one hundred one."),
        ("ninety nine multiplied by zero", "Ninety nine times zero is zero."),
        ("1/0", "Nobody can divide by zero."),
        ("1" * 30 + " + 1", "Those numbers are too large for me."),
    ],
)
async def test_sums(text, answer):
    assert await say(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "seven plus",
        "plus",
        "7 7",
        "__import__('os')",
        "2**99",
        "seven plus five bananas in my garden",
        "1e999",
    ],
)
async def test_what_is_no_sum_is_not_calculated(text):
    assert SORRY in await say(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Hello!", "small offline tutor, not Gemini"),
        ("who are you", "not Gemini"),
        ("WHAT TIME IS IT?", "It is 3:07 PM."),
        ("what is the date today", "Today is Sunday, March 1."),
        ("thanks", "welcome"),
        ("can you tell me a story", SMALL_TALK[-1][0]),
        ("count to five", "One, two, three, four, five."),
        ("count to 99", "twenty at most"),
        ("what is the capital of france", "Paris"),
        ("what is the capitol of France?", "Paris"),
        ("what can you do", "sums"),
        ("bye", "Goodbye"),
    ],
)
async def test_small_talk(text, part):
    assert part in await say(text)


async def test_midnight_is_twelve():
    assert (await mind(hour=0).reply("what time is it")).text == "It is 12:07 AM."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "what is the capital of peru",
        "the cat sat on the mat",
        "<b>hi</b>x",
        "\0",
        "日本語",
        "a" * 5_000,
        "? ? ?",
    ],
)
async def test_it_says_so_when_it_did_not_understand(text):
    assert SORRY in await say(text)


async def test_what_the_ears_do_not_trust_is_not_acted_upon():
    assert isinstance(await mind(LIGHT).reply("turn on the light"), FunctionRequest)  # negative control
    assert SORRY in (await mind(LIGHT).reply("turn on the light", confident=False)).text


async def test_it_repeats_itself_and_knows_more_than_one_joke():
    session = mind()
    first = await session.reply("tell me a joke")
    assert await session.reply("say that again please") == first
    assert await session.reply("tell me a joke") != first


@pytest.mark.parametrize(
    "declaration",
    [
        LIGHT,
        {**LIGHT, "name": "light"},
        {**LIGHT, "name": "switchLight"},
        {"name": "l", "description": "Turn on the light."},
        {"name": "turn_on_light"},
        {"name": "turnLightOn"},
        {"name": "light_on"},
    ],
)
@pytest.mark.parametrize(
    "text", ["turn on the light", "Please turn on the light.", "could you turn on the light"]
)
async def test_turn_on_the_light(declaration, text):
    answer = await mind(declaration).reply(text)
    args = {"on": True} if "parametersJsonSchema" in declaration else {}
    assert answer == FunctionRequest(declaration["name"], args)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("switch the light off", FunctionRequest("set_light", {"on": False})),
        ("turn off the lamp", FunctionRequest("set_light", {"on": False})),
        ("draw a circle", FunctionRequest("draw_shape", {"shape": "circle"})),
        ("draw a triangle", FunctionRequest("draw_shape", {"shape": "TRIANGLE"})),
        ("draw a red square", FunctionRequest("draw_shape", {"shape": "square", "color": "red"})),
        ("draw a dark blue circle", FunctionRequest("draw_shape", {"shape": "circle", "color": "dark blue"})),
        ("set a timer for twenty two minutes", FunctionRequest("set_timer", {"minutes": 22})),
        ("Set a timer for 5 minutes!", FunctionRequest("set_timer", {"minutes": 5})),
        ("weather in Paris", FunctionRequest("get_weather", {"city": "Paris"})),
        ("what is the weather in tokyo", FunctionRequest("get_weather", {"city": "Tokyo"})),
        ("What's the weather in New Delhi?", FunctionRequest("get_weather", {"city": "New Delhi"})),
    ],
)
async def test_declared_functions_are_called(text, call):
    assert await mind(LIGHT, SHAPE, TIMER, WEATHER).reply(text) == call


@pytest.mark.parametrize(
    "text", ["do not turn on the light", "don't turn on the light", "never turn on the light"]
)
async def test_a_negation_is_not_a_command(text):
    assert SORRY in await say(text, LIGHT)


async def test_several_functions_are_called_at_once():
    call = await mind(LIGHT, SHAPE, TIMER).reply("Turn on the light and draw a red circle, please.")
    assert (call.name, call.args) == ("set_light", {"on": True})
    (also,) = call.also
    assert (also.name, also.args) == ("draw_shape", {"shape": "circle", "color": "red"})
    three = await mind(LIGHT, SHAPE, TIMER).reply(
        "turn off the light and set a timer for five minutes and draw a square"
    )
    assert [one.name for one in (three, *three.also)] == ["set_light", "set_timer", "draw_shape"]


@pytest.mark.parametrize(
    "text",
    [
        "turn on the light and sing a song",  # half of it is nothing that it can do
        "turn on the light and set a timer",  # for how long?
        "turn on the light and do not draw a red circle",
        "and",
    ],
)
async def test_only_what_is_whole_is_called_at_once(text):
    answer = await mind(LIGHT, SHAPE, TIMER).reply(text)
    assert not getattr(answer, "also", ())


async def test_a_missing_argument_is_asked_for():
    session = mind(SHAPE, TIMER, WEATHER)
    assert (await session.reply("draw a shape")).text.startswith("Which shape?")
    assert await session.reply("the square please") == FunctionRequest("draw_shape", {"shape": "square"})
    assert (await session.reply("set the timer")).text == "How many minutes?"
    assert await session.reply("forty two") == FunctionRequest("set_timer", {"minutes": 42})
    assert (await session.reply("get the weather")).text == "Which city?"
    assert await session.reply("Oslo.") == FunctionRequest("get_weather", {"city": "Oslo"})


async def test_another_request_drops_the_question():
    session = mind(SHAPE, WEATHER)
    await session.reply("draw a shape")
    assert (await session.reply("what is one plus one")).text == "One plus one is two."
    assert not isinstance(await session.reply("circle"), FunctionRequest)
    await session.reply("get the weather")
    assert "PM" in (await session.reply("what time is it")).text


@pytest.mark.parametrize(
    "declaration",
    [
        {"name": "x", "parameters": None},
        {"name": "x", "parameters": {"properties": None}},
        {"name": "x", "parametersJsonSchema": "nonsense"},
        {
            "name": "x",
            "parametersJsonSchema": {"properties": {"a": None, "b": {"type": ["integer", "null"]}}},
        },
        {
            "name": "x",
            "parametersJsonSchema": {"properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
        },
        {"name": "x", "parametersJsonSchema": {"properties": {"a": {"enum": [1, 2, None]}}}},
        {"name": "ünïcode", "description": None},
        {"name": ""},
        {
            "name": "x",
            "parameters": {"properties": {"a": {"type": "INTEGER", "minimum": 50, "maximum": 1e9}}},
        },
    ],
)
async def test_odd_declarations_do_no_harm(declaration):
    session = mind(declaration)
    assert "Twelve" not in (await session.reply("what is one plus one")).text
    assert session.phrases.sentences


async def test_a_function_that_needs_a_list_says_so():
    schema = {"properties": {"rows": {"type": "array"}}, "required": ["rows"]}
    assert "rows" in await say("plot the table", {"name": "plot_table", "parametersJsonSchema": schema})


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"result": "the lamp is on"}, "The lamp is on."),
        ({"error": "no such lamp"}, "I couldn't do that: no such lamp."),
        ({"error": "the user did not allow it"}, "I couldn't do that: you did not allow it."),
        ({"output": None}, "Done."),
        ({"value": "the lamp is on"}, "The lamp is on."),  # as Pipecat wraps what is no object
        ({}, "Done."),
        ({"result": True}, "Yes."),
        ({"result": 21.5}, "The result is 21.5."),
        ({"result": ["a", "b", "c"]}, "A, b and c."),
        ({"temperature": 21.5, "sky_now": "clear"}, "Temperature: 21.5, sky now: clear."),
        ({"result": {"deep": {"er": None}}}, "Deep: er: nothing."),
    ],
)
async def test_results_are_put_into_words(result, text):
    assert say_result(result) == text
    assert await mind().result("f", result) == Reply(text)


def test_a_long_result_is_cut():
    assert len(say_result({"result": "word " * 1_000})) < 320


def test_numbers_are_words_and_words_are_numbers():
    for number in [*range(1_200), 99_999, 1_000_000, 12_345_678]:
        assert tokens(say_number(number)) == [number]
    assert tokens("seven five") == [7, 5]
    assert tokens("twenty zero") == [20, 0]
    assert say_number(-1.25) == "minus one point two five"


def test_sentences_are_words_only():
    sentences = mind(LIGHT, SHAPE, TIMER, WEATHER).phrases.sentences
    assert "turn on the light" in sentences
    assert all(not set(sentence) & set("0123456789{}?.,") for sentence in sentences)
    assert SUGGESTIONS[0].startswith("what is")


def test_every_combination_of_a_tool_s_choices_is_listened_for():
    colors = ["red", "green", "blue", "black", "white", "yellow", "purple"]
    shapes = ["circle", "square", "triangle", "star", "line"]
    properties = {"shape": {"enum": shapes}, "color": {"enum": colors}}
    schema = {"type": "object", "properties": properties, "required": ["shape"]}
    mind = TutorResponder().session([{"name": "draw_shape", "parametersJsonSchema": schema}])
    heard = set(mind.phrases.sentences)
    assert {f"draw a {color} {shape}" for color in colors for shape in shapes} <= heard


# --- Several at once ----------------------------------------------------------------------------------------

ON = {
    "name": "set_light",
    "parametersJsonSchema": {"properties": {"on": {"type": "boolean"}}, "required": ["on"]},
}
CITY = {
    "name": "get_weather",
    "parametersJsonSchema": {"properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def asked(text, *declarations):
    """What is called, as (name, arguments) in order; [] where something is said instead."""
    answer = await TutorResponder().session(declarations or [ON, CITY]).reply(text)
    return (
        [(call.name, dict(call.args)) for call in (answer, *answer.also)]
        if isinstance(answer, FunctionRequest)
        else []
    )


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("Turn on the light and what is the weather in Paris?", [("set_light", {"on": True}), ("get_weather", {"city": "Paris"})]),
        ("turn on the light, and then turn off the light", [("set_light", {"on": True}), ("set_light", {"on": False})]),
        (
            "what is the weather in New Delhi, turn off the light and what is the weather in Rome",
            [("get_weather", {"city": "New Delhi"}), ("set_light", {"on": False}), ("get_weather", {"city": "Rome"})],
        ),
        ("what is the weather in Trinidad and Tobago", [("get_weather", {"city": "Trinidad and Tobago"})]),
        ("turn on the light and what is the weather", []),
        ("turn on the light and sing", [("set_light", {"on": True})]),
        ("what is seven and five", []),
    ],
)  # fmt: skip
async def test_functions_that_are_asked_for_together_are_called_together(text, calls):
    assert await asked(text) == calls


async def test_a_part_that_lacks_something_leaves_no_question_open():
    mind = TutorResponder().session([ON, CITY])
    await mind.reply("turn on the light and what is the weather")
    assert isinstance(await mind.reply("Paris"), Reply)


def test_pairs_are_listened_for_and_none_where_there_is_one_function():
    together = [text for text in TutorResponder().session([ON, CITY]).phrases.sentences if " and " in text]
    assert any("light and " in text and " weather in " in text for text in together)
    assert any(" weather in " in text.split(" and ")[0] for text in together)
    assert not [text for text in TutorResponder().session([ON]).phrases.sentences if "light and " in text]
