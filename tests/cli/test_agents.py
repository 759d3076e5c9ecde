"""Agents on the command line: what is named, what it becomes, and every way to name it wrong."""

import json
import logging
import os
import subprocess
import sys
import wave

import pytest

from livewidget.cli import agents
from livewidget.cli.main import main
from livewidget.errors import UsageError
from tests.cli.conftest import ANSWER, ROOT, SPOKEN, environment, one_sentence
from tests.cli.test_serve import serving
from tests.cli.test_talk import rest, talking
from tests.talk_page import TalkPage
from tools import setup

KEY = "a-key-made-for-the-test"

CLIENT = """
from google import genai
print("this is printed by the module")
client = genai.Client(vertexai=False)
"""
OWN = """

from livewidget.integrations.agent import AgentProvider, AgentRun

class Echo(AgentRun):
    async def start(self, client):
        self.client = client
    async def close(self):
        pass
    async def on_text(self, text):
        if text == "burn":
            raise RuntimeError("the lamp burnt out")
        await self.client.agent_wrote(f"you said {text}")
        await self.client.turn_complete()

class Made(AgentProvider):
    def __init__(self):
        super().__init__("made", Echo)

class Broken(AgentProvider):
    def __init__(self):
        raise RuntimeError("there is no lamp\\nhere")

agent = AgentProvider("echo", Echo)

class box:
    agent = agent
number = 3
def function(): pass
async def bot(transport): pass
"""


@pytest.fixture(scope="module")
def server():
    with serving("--key", KEY) as (_, ready):
        yield {
            "GOOGLE_GEMINI_BASE_URL": ready["wss"].replace("wss:", "https:"),
            "SSL_CERT_FILE": ready["cert"],
            "GOOGLE_API_KEY": KEY,
        }


@pytest.fixture
def folder(tmp_path):
    """A folder with two modules; commands are run in it, with livewidget importable and the folder not."""
    (tmp_path / "asking.py").write_text(CLIENT)
    (tmp_path / "lamp.py").write_text(OWN)
    return tmp_path


def run(*arguments, folder, python=sys.executable, **env):
    """Run `livewidget …` in a folder as users do, where warnings are not errors."""
    return subprocess.run(
        [python, "-m", "livewidget", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT), **env),
        stdin=subprocess.DEVNULL,
    )


# --- A client of the Gen AI SDK -----------------------------------------------------------------------------


def test_a_recording_is_asked_through_the_sdk_with_nothing_but_the_environment(question_wav, folder, server):
    done = run("ask", question_wav, "-o", "answer.wav", "--via", "genai", folder=folder, **server)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"you: {SPOKEN}\ngemini: {ANSWER}\n"
    assert done.stderr.splitlines()[0] == "Gemini (Gen AI SDK · gemini-3.8-live)"
    with wave.open(str(folder / "answer.wav")) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() > 24_000


def test_a_client_of_a_module_with_its_model_and_a_voice(folder, server):
    model = "gemini-2.5-flash-native-audio-latest"
    done = run(
        "ask", "what is the capital of france", "--via", "genai:asking:client", "--model", model,
        "--voice", "Puck", "--json", folder=folder, **server,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # what the module printed is elsewhere
    assert (report["answer"], report["model"]) == (ANSWER, model)
    assert "this is printed by the module" in done.stderr


def test_that_it_is_a_client_is_found_out(here):
    provider = agents.provider_of("asking:client", "gemini-2.5-flash-native-audio-latest")
    assert provider.badge == "Gen AI SDK · gemini-2.5-flash-native-audio-latest"
    with pytest.raises(UsageError, match="There is no model gemini-7"):
        agents.provider_of("asking:client", "gemini-7")


def test_no_key_and_a_wrong_key_are_sentences_without_it(here, server, monkeypatch, capsys):
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GOOGLE_API_KEY")
    assert main(["ask", "hello?", "--via", "genai"]) == 2
    assert "set GOOGLE_API_KEY or GEMINI_API_KEY" in one_sentence(capsys.readouterr().err)
    monkeypatch.setenv("GOOGLE_API_KEY", "AIzaSyCANARY-hushhush-000000000000000000")
    assert main(["ask", "hello?", "--via", "genai"]) == 1
    said = capsys.readouterr()
    assert "does not accept this key" in one_sentence(said.err)
    assert "hushhush" not in said.out + said.err


def test_no_credentials_of_the_cloud_are_a_sentence(here, monkeypatch, capsys):
    monkeypatch.delenv("GOOGLE_API_KEY")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "a-file-that-is-not-there.json")
    assert main(["ask", "hello?", "--via", "genai"]) == 2
    assert "run gcloud auth application-default login" in one_sentence(capsys.readouterr().err)


# --- Agents -------------------------------------------------------------------------------------------------


def test_an_agent_of_ones_own_answers(folder):
    done = run("ask", "hello?", "--via", "lamp:agent", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "you: hello?\necho: you said hello?\n"
    assert done.stderr.splitlines()[0] == "Agent echo · in this program"


@pytest.mark.parametrize(("spec", "name"), [("lamp:box.agent", "echo"), ("lamp:Made", "made")])
def test_a_dotted_name_and_a_class_of_providers(spec, name, here, capsys):
    assert main(["ask", "hello?", "--via", spec]) == 0
    assert capsys.readouterr().out == f"you: hello?\n{name}: you said hello?\n"


def test_an_agent_that_fails_is_one_sentence(here, capsys):
    assert main(["ask", "burn", "--via", "lamp:agent"]) == 1
    assert one_sentence(capsys.readouterr().err).endswith("stopped: the lamp burnt out.")


async def test_a_page_talks_with_an_agent(folder, monkeypatch):
    (folder / "tools.py").write_text('def dim():\n    """Dim the light."""\n')
    monkeypatch.chdir(folder)
    where = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}  # `talking` runs it elsewhere
    options = ("--port", 0, "--no-browser", "--agent", "lamp:agent", "--tools", folder / "tools.py")
    async with talking(*options, env=where) as (process, base, token):
        page = await TalkPage(base).load(token)
        assert await page.ask("hello") == "you said hello"
        process.terminate()
        _, errors = await rest(process)
    assert errors == "livewidget: Agent echo · in this program. End with Ctrl+C.\n"


FRAMEWORKS = {
    "google-adk 2.13.0": (
        "lamp:root_agent",
        """
from google.adk.agents import LlmAgent
root_agent = LlmAgent(name="lamp", model="gemini-3.8-live", instruction="Be brief.")
""",
    ),
    "livekit-agents 1.8.9": (
        "lamp:make",
        """
from livekit.agents import Agent, AgentSession
from livekit.plugins import google
def make():
    return AgentSession(llm=google.realtime.RealtimeModel(model="gemini-3.8-live")), Agent(instructions="Be brief.")
""",
    ),
    "pipecat-ai 1.14.0": (
        "lamp:run_bot",
        """
import os
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.workers.runner import WorkerRunner

async def run_bot(transport):
    context = LLMContextAggregatorPair(LLMContext())
    llm = GeminiLiveLLMService(
        api_key=os.environ["GOOGLE_API_KEY"],
        settings=GeminiLiveLLMService.Settings(model="gemini-3.8-live"),
        inference_on_context_initialization=False,
    )
    worker = PipelineWorker(Pipeline([transport.input(), context.user(), llm, transport.output(), context.assistant()]))

    @transport.event_handler("on_client_connected")
    async def connected(transport, client):
        await worker.queue_frames([LLMRunFrame()])

    @transport.event_handler("on_client_disconnected")
    async def disconnected(transport, client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
""",
    ),
}


@pytest.mark.clients
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_agents_of_frameworks_answer_a_recording(name, question_wav, folder, server):
    """In the environment of each, by nothing but its file and the environment; and the framework is found out."""
    home = setup.client(name)
    if not home.exists():
        pytest.skip(f"{name} has no environment here: run make clients")
    spec, code = FRAMEWORKS[name]
    (folder / "lamp.py").write_text(code)
    first = {"google-adk": "adk", "livekit-agents": "livekit", "pipecat-ai": "pipecat"}[name.split()[0]]
    python = home / setup.BIN.name / setup.PYTHON.name
    for via in (f"{first}:{spec}", spec):
        done = run("ask", question_wav, "-o", "a.wav", "--via", via, folder=folder, python=python, **server)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1].endswith(f": {ANSWER}")
        assert "Traceback" not in done.stderr
        assert (folder / "a.wav").stat().st_size > 48_000
    done = run("ask", "hi?", "--via", spec, "--voice", "Kore", folder=folder, python=python, **server)
    assert done.returncode == 2
    assert "voice is a setting of the" in one_sentence(done.stderr)


# --- What is wrong ------------------------------------------------------------------------------------------

BROKEN = {
    "raises": ("x = 1\nraise ValueError('secret words')\n", "raises does not run: ValueError in line 2."),
    "leaves": ("import sys\nsys.exit(3)\n", "leaves does not run: SystemExit in line 2."),
    "no_python": ("def f(:\n", "no_python.py is not Python: SyntaxError in line 1."),
    "needs": ("import nothing_of_this_name\n", "needs cannot be imported: it needs the module nothing_of_this_name"),
    "of_adk": ("from google.adk.agents import Agent\n", 'of_adk needs google-adk: pip install "livewidget[adk]"'),
    "of_pipecat": ("import pipecat.frames\n", 'of_pipecat needs pipecat-ai: pip install "livewidget[pipecat]"'),
    "deep": ("import raises\n", "deep does not run: ValueError in line 1."),
}  # fmt: skip


@pytest.fixture
def here(folder, monkeypatch):
    """The same in this process."""
    for name, (code, _) in BROKEN.items():
        (folder / f"{name}.py").write_text(code)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    yield folder
    for name in (*BROKEN, "lamp", "asking"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", BROKEN)
def test_a_module_that_cannot_be_imported_is_one_sentence(name, here):
    with pytest.raises(UsageError) as said:
        agents.provider_of(f"{name}:agent")
    assert str(said.value).startswith(BROKEN[name][1])
    assert "secret words" not in str(said.value)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            "nowhere:agent",
            "There is no module nowhere, neither in this folder nor among the installed packages.",
        ),
        ("nowhere.deeper:agent", "There is no module nowhere.deeper"),
        ("lamp:agnet", "lamp has no agnet; did you mean agent?"),
        ("lamp:box.light", "lamp has no light."),
        ("lamp:number", "number in lamp is an int, which belongs to no known framework: name an agent"),
        ("lamp:function", "function in lamp is a function, which belongs to no known framework"),
        ("lamp.py:agent", "Name the module as import does, without a path and .py: lamp:agent."),
        ("./lamp:agent", "Name the module as import does, without a path and .py: lamp:agent."),
        ("lamp", "lamp does not name an agent: use adk:module:agent"),
        ("adk", "Write adk:module:agent, such as adk:lamp:agent."),
        ("genai:asking", "Write genai:module:client"),
        ("genia:asking:client", "genia is not a known framework; did you mean genai?"),
        ("a:b:c:d", "a:b:c:d does not name an agent"),
        (":agent", ":agent does not name an agent"),
        ("", "does not name an agent"),
        ("adk:lamp:agent", "AdkAgent needs google-adk, which is not installed"),
        ("pipecat:lamp:bot", "PipecatBot needs pipecat-ai, which is not installed"),
        ("lamp:bot", "PipecatBot needs pipecat-ai, which is not installed"),
        ("livekit:lamp:function", "LiveKitAgent needs livekit-agents, which is not installed"),
        ("lamp:Broken", "Broken cannot be used (RuntimeError): there is no lamp here."),
        ("genai:lamp:agent", "GenAIClient takes a google.genai.Client, not AgentProvider"),
    ],
)
def test_every_way_to_name_it_wrong_is_one_sentence(spec, words, here):
    with pytest.raises(UsageError) as said:
        agents.provider_of(spec)
    assert words in str(said.value)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ask", "hi?", "--via", "lamp:agent", "--offline"), "leave --offline and --server out"),
        (("ask", "hi?", "--via", "lamp:agent", "--model", "gemini-3.8-live"), "The agent echo has its own model"),
        (("ask", "hi?", "--via", "lamp:agent", "--voice", "Kore"), "voice is a setting of the agent echo"),
        (("talk", "--agent", "lamp:agent", "--direct"), "leave --server, --direct and --token-url out"),
        (("talk", "gemini-3.8-live", "--agent", "lamp:agent"), "The agent echo has its own model"),
        (("talk", "--agent", "lamp:nobody"), "lamp has no nobody"),
    ],
)  # fmt: skip
def test_options_that_contradict_it_are_2_and_one_sentence(arguments, words, here, capsys):
    assert main(arguments) == 2
    assert words in one_sentence(capsys.readouterr().err)


def test_a_version_that_was_not_tried_is_one_line(here, monkeypatch, capsys):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "4.1")
    monkeypatch.setattr("livewidget.integrations.agent._warned", set())
    agents.provider_of("genai:asking:client")
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(
        "livewidget: GenAIClient supports google-genai>=2.34,<4, but 4.1 is installed."
    )


def test_what_frameworks_log_is_one_line_without_a_traceback(folder):
    (folder / "noisy.py").write_text(
        "import logging\nfrom lamp import agent\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n"
        "    logging.getLogger('kit').exception('it broke\\nwith AIzaSyCANARY-hushhush-000000000000000000')\n"
    )
    done = run("ask", "hello?", "--via", "noisy:agent", folder=folder)
    assert done.returncode == 0
    assert "livewidget: kit: it broke\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hushhush" not in done.stderr


def test_a_framework_that_logs_an_error_before_it_raises_it_is_heard_once(capsys):
    handler = agents._Sentences(logging.WARNING)
    for name in ("google_adk.google.adk.runners", "google_adk.google.adk.flows", "google_adk_too"):
        handler.handle(logging.LogRecord(name, logging.ERROR, "", 0, "It failed.\nTraceback", (), None))
    expected = "livewidget: google_adk.google.adk.flows: It failed.\nlivewidget: google_adk_too: It failed.\n"
    assert capsys.readouterr().err == expected
