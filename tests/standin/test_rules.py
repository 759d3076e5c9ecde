import msgspec
import pytest

from livewidget.models import MODELS
from livewidget.protocol.messages import (
    ClientContent,
    ClientMessage,
    ContextUpdate,
    Empty,
    FunctionDeclaration,
    FunctionResponse,
    GenerationConfig,
    ProactivityConfig,
    RealtimeInput,
    Setup,
    ThinkingConfig,
    Tool,
    ToolResponse,
)
from livewidget.standin import rules
from livewidget.standin.rules import Refusal

ALIVE = [model for model in MODELS if model.status != "shut down"]
by_model = pytest.mark.parametrize("model", ALIVE, ids=lambda model: f"{model.service}:{model.id}")


def path(model):
    if model.service == "vertex":
        return f"projects/p/locations/l/publishers/google/models/{model.id}"
    return f"models/{model.id}"


def refused(model, **fields):
    """The reason a setup with these fields gets, or None."""
    try:
        rules.check_setup(Setup(model=path(model), **fields), model)
    except Refusal as refusal:
        return refusal.reason if refusal.code == 1007 else f"{refusal.code}?"
    return None


def plain(model):
    """What every model must take: nothing, but the level where one is needed."""
    if not model.thinking_required:
        return GenerationConfig()
    return GenerationConfig(thinking_config=ThinkingConfig(thinking_level=model.thinking_levels[0]))


@by_model
def test_every_model_of_the_table_is_found_and_takes_a_plain_setup(model):
    found = rules.find_model(path(model), "v1beta1" if model.service == "vertex" else "v1beta")
    assert found.id == model.id
    assert refused(model, generation_config=plain(model)) is None


@by_model
@pytest.mark.parametrize("modality", ["AUDIO", "TEXT", "VIDEO"])
def test_modalities(model, modality):
    config = msgspec.structs.replace(plain(model), response_modalities=[modality])
    reason = refused(model, generation_config=config)
    if modality in model.modalities:
        assert reason is None
    else:
        wording = (
            f"The requested combination of response modalities ({modality}) is not supported by the model."
        )
        assert reason == wording


def test_two_modalities_are_no_combination():
    config = GenerationConfig(response_modalities=["AUDIO", "TEXT"])
    assert "(AUDIO, TEXT)" in refused(ALIVE[0], generation_config=config)


@by_model
@pytest.mark.parametrize("level", [None, "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"])
def test_thinking_levels(model, level):
    thinking = ThinkingConfig(thinking_level=level) if level else None
    reason = refused(model, generation_config=GenerationConfig(thinking_config=thinking))
    if level is None:
        assert reason == (
            "Thinking level must be specified for this model." if model.thinking_required else None
        )
    elif model.thinking != "level":
        assert reason == "Thinking level is not supported for this model."
    elif level in model.thinking_levels:
        assert reason is None
    else:
        assert reason == f"Thinking level {level} is not supported for this model"


@by_model
def test_thinking_budgets(model):
    thinking = ThinkingConfig(thinking_budget=100)
    reason = refused(model, generation_config=GenerationConfig(thinking_config=thinking))
    assert (reason is None) == (model.thinking == "budget")


@by_model
@pytest.mark.parametrize("behavior", [None, "UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])
def test_behaviours_of_functions(model, behavior):
    tools = [Tool(function_declarations=[FunctionDeclaration(name="f", behavior=behavior)])]
    reason = refused(model, generation_config=plain(model), tools=tools)
    if not model.tools:
        assert reason is not None
    elif behavior in (None, "UNSPECIFIED") or behavior in model.tool_behaviors:
        assert reason is None
    else:
        assert reason == f"{behavior} function calls are not supported for this model"


@by_model
def test_proactivity(model):
    given = ProactivityConfig(proactive_audio=True)
    reason = refused(model, generation_config=plain(model), proactivity=given)
    assert (reason is None) == model.proactive_audio


def verdict(model, message, *, manual=False, seeding=False):
    detection = {"automaticActivityDetection": {"disabled": manual}}
    setup = msgspec.convert({"model": path(model), "realtimeInputConfig": detection}, Setup)
    try:
        rules.check_message(message, setup, model, seeding=seeding)
    except Refusal as refusal:
        return refusal.reason
    return None


@by_model
@pytest.mark.parametrize("seeding", [True, False])
def test_client_content_in_mid_session(model, seeding):
    message = ClientMessage(client_content=ClientContent(turn_complete=True))
    fine = seeding or model.text in ("both", "client_content")
    assert (verdict(model, message, seeding=seeding) is None) == fine


@by_model
@pytest.mark.parametrize("manual", [True, False])
@pytest.mark.parametrize("sent", [{"activity_start": Empty()}, {"activity_end": Empty()}])
def test_explicit_activity_only_without_detection(model, manual, sent):
    reason = verdict(model, ClientMessage(realtime_input=RealtimeInput(**sent)), manual=manual)
    assert (reason is None) == manual
    assert manual or reason.startswith("Explicit activity control is not supported")


@by_model
def test_results_in_several_pieces(model):
    answer = FunctionResponse(id="1", name="f", response={}, will_continue=True)
    message = ClientMessage(tool_response=ToolResponse(function_responses=[answer]))
    assert (verdict(model, message) is None) == model.will_continue


def test_context_updates_are_for_those_who_take_them():
    message = ClientMessage(context_update=ContextUpdate())
    assert verdict(rules.find_model("models/gemini-3.8-live", "v1beta"), message)
    assert verdict(rules.find_model("publishers/google/models/gemini-3.8-live", "v1beta1"), message) is None
    assert verdict(rules.find_model("models/offline-tutor", "v1beta"), message) is None


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        ("models/gemini-9-live", "v1beta",
         "models/gemini-9-live is not found for API version v1beta, or is not supported for bidiGenerate"),
        ("models/gemini-2.0-flash-live-001", "v1beta", "models/gemini-2.0-flash-live-001 is not found"),
        ("models/gemini-3.1-flash-live-preview", "v1",
         "models/gemini-3.1-flash-live-preview is not found for API version v1"),
        ("models/gemini-live-2.5-flash-native-audio", "v1beta", "models/gemini-live-2.5-flash-native"),
        ("publishers/google/models/nobody", "v1beta1", "Publisher Model `publishers/google/models/nobody`"),
    ],
)  # fmt: skip
def test_models_that_are_not_there(name, version, reason):
    with pytest.raises(Refusal) as error:
        rules.find_model(name, version)
    assert error.value.code == 1008
    assert error.value.reason.startswith(reason)


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha", "v1beta1"])
@pytest.mark.parametrize("name", ["models/offline-tutor", "offline-tutor", "projects/p/models/offline-tutor"])
def test_the_tutor_is_found_everywhere(name, version):
    assert rules.find_model(name, version).id == "offline-tutor"
