"""Copy as code: the Python runs, and makes the same session to the byte."""

import importlib
import random
import subprocess
import sys

import pytest

from livewidget import Gemini, LiveConfig, StandIn, VertexAI
from livewidget.config.code import _MODULES, WIDTH, Call, Name, program
from livewidget.errors import ConfigError
from livewidget.integrations.mcp import McpServer
from livewidget.models import FEATURES, INT32, MODELS, VOICES, find
from livewidget.protocol import encode_client, setup_message
from livewidget.tools import Tool
from tests.peer import Peer

#: Explorer states that are tried; more than there are features.
COUNT = 60
KEY = "AIzaSyCANARY0000000000000000000000000000"
#: Texts in which quoting and layout can go wrong.
TEXTS = (
    "Be brief.",
    'You are a "pirate", and it\'s late.',
    "Line one.\nLine two.",
    "A back\\slash\nand a line.",
    'Ends in a "quote"\n"',
    "Answer in 日本語, please. " * 5,
    "unseen \u202e turned \x07 \t tab \ud800",
    "",
)


def set_light(on: bool) -> str:
    """Turn the light on or off."""
    return str(on)


def open_door(way: str = "in", times: int = 1) -> str:
    """Open a door."""
    return way * times


def frame(provider, config, tools=()):
    model = find(provider.model, provider.service)
    declarations = [tool.declaration if isinstance(tool, Tool) else tool for tool in tools]
    return encode_client(setup_message(config, provider.model_path(), model, declarations=declarations))


@pytest.fixture
def run(monkeypatch):
    """Run a cell; returns the sessions of the widget that it made."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    made = []

    def execute(code):
        names = {"set_light": set_light, "open_door": open_door}
        exec(compile(code, "cell", "exec"), names)
        made.append(names["live"])
        return made[-1]._controller.sessions

    yield execute
    for live in made:
        live.close()


def layout(code):
    """The code as ruff would have it."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


def providers(model):
    if model.service == "standin":
        return [StandIn()]
    if model.service == "gemini":
        return [Gemini(model.id, api_key=KEY), StandIn(model=model.id)]
    return [VertexAI(model.id, "my-project", "us", credentials=object())]


def value_of(chance, feature, model):
    """Something that the feature may hold on this model."""
    match feature.kind:
        case "switch":
            return not feature.default
        case "choice":
            return chance.choice(feature.choices_for(model) or tuple(VOICES))
        case "number":
            top = min(feature.highest, INT32)
            number = chance.uniform(feature.lowest, top)
            return chance.randint(int(feature.lowest), int(top)) if feature.whole else round(number, 3)
        case "names" if feature.name.endswith("languages"):
            return chance.sample(["en-US", "pl", "zh-Hans", "Spanish"], chance.randint(1, 4))
        case "names":
            return chance.sample(["en-US", "pl", 'Ra"dek', "Łódź", "x" * 40], chance.randint(1, 5))
        case "json" if feature.name == "safety":
            return {"HARASSMENT": "BLOCK_NONE", "DANGEROUS_CONTENT": "BLOCK_ONLY_HIGH"}
        case "json":
            return {"aNewField": {"of": [1, True, None, 'te"xt'], "deep": {}}}
    return "pl" if feature.name in ("language", "translation.target") else chance.choice(TEXTS)


def changed(chance, feature, model, values):
    """The values after one more change; those from before where that cannot be, as in the page."""
    if feature.choices_of and not feature.choices_for(model):
        return values
    tried = values | {feature.name: value_of(chance, feature, model)}
    try:
        LiveConfig.from_values(tried).check(model)
    except ConfigError:
        return values
    return tried


def least(model):
    """What has to be said on a model."""
    values = {"translation.target": "pl"} if model.translation else {}
    if model.thinking_required:
        values["thinking_level"] = "low"
    return values if "AUDIO" in model.modalities else values | {"modalities": "TEXT"}


def beginnings(chance):
    """For each feature a state that holds it, on the first model that can; each looks from the next model on."""
    models = [model for model in MODELS if model.status != "shut down"]
    for number, feature in enumerate([*FEATURES, *FEATURES[: COUNT - len(FEATURES)]]):
        first = number % len(models)
        for model in models[first:] + models[:first]:
            values = changed(chance, feature, model, least(model))
            if feature.name in values:
                yield model, values
                break


def states():
    """Random explorer states that can be: (model's row, values by feature name); no feature is left out."""
    chance = random.Random(4)
    made = []
    for model, values in beginnings(chance):
        for feature in chance.sample(FEATURES, chance.randint(1, len(FEATURES))):
            values = changed(chance, feature, model, values)
        made.append((model, values))
    return made


STATES = states()


def test_the_states_are_many_sided():
    said = {name for _, values in STATES for name in values}
    assert said == {feature.name for feature in FEATURES}
    assert len({model.id for model, _ in STATES}) > 10
    assert len(STATES) == COUNT


@pytest.mark.parametrize(("model", "values"), STATES, ids=range(len(STATES)))
def test_the_code_makes_the_same_setup_frame(model, values, run):
    config = LiveConfig.from_values(values)
    for provider in providers(model):
        tools = [Tool.of(set_light), Tool.of(open_door)] if model.tools else []
        code = program(provider, config, tools)
        made = run(code)
        assert frame(made.provider, made.config, made.tools) == frame(provider, config, tools)
        assert type(made.provider) is type(provider)
        assert KEY not in code


def test_another_value_would_be_seen(run):
    """The frames differ as soon as the code does."""
    noticed = 0
    for model, values in STATES:
        config = LiveConfig.from_values(values)
        provider = providers(model)[0]
        code = program(provider, config)
        for old, new in (("True", "False"), ('"pl"', '"fr"'), ("BLOCK_NONE", "OFF"), ("aNew", "anOld")):
            if old in code:
                made = run(code.replace(old, new))
                noticed += frame(made.provider, made.config) != frame(provider, config)
    assert noticed > 40


def test_the_code_is_laid_out_as_ruff_does():
    for model, values in STATES:
        for provider in providers(model):
            code = program(provider, LiveConfig.from_values(values), [Tool.of(set_light)])
            assert code == layout(code)


def test_the_shortest_session_is_one_line():
    assert program(StandIn(), LiveConfig()) == (
        'from livewidget import LiveWidget\n\nlive = LiveWidget("offline-tutor")\nlive\n'
    )


def test_a_provider_that_cannot_say_how_it_is_made_stands_by_its_name():
    assert "LiveWidget(provider)" in program(Peer(), LiveConfig())


def test_what_was_put_into_the_stand_in_stands_by_its_name():
    def shout(text):
        return text.upper()

    code = program(StandIn(brain=shout, voice=lambda text: b"", model="gemini-3.8-live"), LiveConfig())
    assert 'StandIn(brain=shout, voice=voice, model="gemini-3.8-live")' in code
    assert code.startswith("from livewidget import LiveWidget, StandIn\n")


def test_no_secret_is_in_the_code():
    gemini = Gemini("gemini-3.8-live", api_key=KEY, base_url="wss://example.org/live", api_version="v1alpha")
    token = Gemini("gemini-3.8-live", token="auth_tokens/CANARY")
    vertex = VertexAI("gemini-3.8-live", "my-project", "europe-west4", credentials=KEY)
    codes = [program(provider, LiveConfig()) for provider in (gemini, token, vertex)]
    assert not any("CANARY" in code for code in codes)
    assert 'Gemini("gemini-3.8-live", base_url="wss://example.org/live", api_version="v1alpha")' in codes[0]
    assert 'Gemini("gemini-3.8-live", token=token)' in codes[1]
    assert 'VertexAI("gemini-3.8-live", project="my-project", location="europe-west4")' in codes[2]


def test_a_declaration_without_a_function_stands_as_it_is(run):
    declared = {"name": "look", "description": "Look at it.", "parametersJsonSchema": {"type": "object"}}
    code = program(StandIn(), LiveConfig(), [declared])
    assert code == layout(code)
    assert run(code).tools == [declared]


def test_options_of_tools_and_mcp_servers_stand_in_it(run):
    tools = [
        Tool.of(set_light, require_approval=True, timeout=5),
        Tool.of(open_door, name="door", require_approval=9, behavior="NON_BLOCKING", scheduling="SILENT"),
        McpServer("python", "-m", "kitchen", env={"KEY": KEY}, only=["b", "a"], require_approval=True),
        McpServer(url="http://localhost:8000/mcp", prefix="k_"),
    ]
    code = program(StandIn(), LiveConfig(), tools)
    assert code == layout(code)
    assert "from livewidget.integrations.mcp import McpServer\nfrom livewidget.tools import Tool\n" in code
    assert KEY not in code
    light, door, command, url = run(code).tools
    assert (light.approval_timeout, light.timeout) == (30, 5)
    assert (door.name, door.approval_timeout, door.behavior, door.scheduling) == (
        "door",
        9,
        "NON_BLOCKING",
        "SILENT",
    )
    assert [server.expression() for server in (command, url)] == [one.expression() for one in tools[2:]]


@pytest.mark.parametrize("name", _MODULES)
def test_what_is_imported_stands_where_it_is_imported_from(name):
    assert hasattr(importlib.import_module(_MODULES[name]), name)


def test_somebodys_agent_is_wrapped_as_it_was():
    class Agent:
        def expression(self):
            return Call("AdkAgent", (Name("agent"),))

    code = program(Agent(), LiveConfig(), [])
    assert code == layout(code)
    assert code == (
        "from livewidget import LiveWidget\n"
        "from livewidget.integrations.adk import AdkAgent\n\n"
        "live = LiveWidget(AdkAgent(agent))\nlive\n"
    )
