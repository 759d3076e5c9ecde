"""The model's turn on the wire: thoughts, code, the answer as paced audio or text, and the turn's end."""

from __future__ import annotations

import html
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote_plus

from livewidget.protocol.messages import (
    Blob,
    CodeExecutionResult,
    Content,
    ExecutableCode,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    Transcription,
    UsageMetadata,
)
from livewidget.standin import rules
from livewidget.standin.behavior import SessionParts
from livewidget.standin.context import AUDIO_TOKENS_PER_S, CHARACTERS_PER_TOKEN
from livewidget.standin.interfaces import (
    OUTPUT_RATE,
    ExecutedCode,
    Reply,
    RequestedPage,
    SearchGrounding,
    SpeechChunk,
)
from livewidget.standin.tool_calls import ToolCaller

#: Audio is sent this much faster than it is played: gemini-3.8-live has been measured at 4.4.
_SPEED = 4.0
#: Audio of one message: 200 ms, as of the service's first message.
_MESSAGE_BYTES = 9600
#: Silence that a translation without a target streams for each utterance. Chosen.
_MUTE_S = 2
_MIME = f"audio/pcm;rate={OUTPUT_RATE}"


class TurnOutput:
    """Sends what the model shows and says in a turn, and ends the turn.

    Attributes:
        open: The model has the floor: an interruption must be reported.
    """

    def __init__(self, parts: SessionParts, calls: ToolCaller) -> None:
        self._parts = parts
        self._link, self._behavior, self._state = parts.link, parts.behavior, parts.state
        self._calls = calls
        self._speech: PacedSpeech | None = None
        self.open = False

    async def begin(self) -> None:
        """Make room in the context, and report that the session cannot be resumed during the turn.

        Raises:
            Refusal: If the context is full.
        """
        self.open = True
        behavior, context = self._behavior, self._state.context
        if behavior.compression is not None:
            context.compress(*behavior.compression)
        rules.check_context(context.size, behavior.model)
        if behavior.resumes:
            update = SessionResumptionUpdate(resumable=False)
            await self._link.send(ServerMessage(session_resumption_update=update))

    async def show_thoughts(self, thoughts: tuple[str, ...]) -> None:
        """Send thoughts, as many as the session's limits allow."""
        for thought in self._behavior.thoughts.select(thoughts):
            self._state.context.count_thought(thought)
            if self._behavior.thoughts.shown:
                await PacedSpeech(self._parts).send_part(Part(text=f"{thought}\n", thought=True))

    async def say_meanwhile(self, text: str) -> None:
        """Say that an answer will come, and end the turn, but not the interaction."""
        speech = await self._send(Reply(text))
        await self._link.send_content(generation_complete=True)
        await self._played(speech)
        await self.complete("IN_PROGRESS")

    async def say(self, reply: Reply) -> None:
        """Say a reply, and complete the turn when the client has played it."""
        translates = self._behavior.model.translation
        speech = await self._send(reply)
        if reply.grounding:
            await self._link.send_content(grounding_metadata=grounding(reply.grounding, reply.text))
        if not translates:
            await self._link.send_content(generation_complete=True)
        await self._played(speech)
        if translates:
            self.open = False  # such a model never completes a turn
            await self._link.send(ServerMessage(usage_metadata=self._usage()))
        else:
            await self.complete()

    async def stay_silent(self) -> None:
        """Choose not to answer."""
        if not self._behavior.model.translation:
            await self._link.send_content(waiting_for_input=True)
            await self.complete()

    def stop(self) -> None:
        """Forget the answer whose sending was cancelled. The context keeps what was sent of it."""
        if self._speech and self._speech.text:
            self._state.context.add("model", self._speech.text)
        self._speech = None

    async def interrupted(self) -> None:
        """Report an interruption, if the model has the floor."""
        if self.open:
            await self._link.send_content(interrupted=True)
            await self.complete()

    async def complete(self, status: str = "IDLE", *, reason: str | None = None) -> None:
        """End the turn.

        Args:
            status: `interactionStatus`: "IN_PROGRESS" if more will come by itself.
            reason: `turnCompleteReason`, if the turn ended early.
        """
        # Closed before anything is sent: an interruption meanwhile must not complete the turn again.
        if not self.open:
            return
        self.open = False
        waiting = self._calls.waiting
        await self._link.release()
        # Only models that think in the background report whether they have more to do.
        reported = ("IN_PROGRESS" if waiting else status) if self._behavior.model.thinking_required else None
        content = ServerContent(turn_complete=True, turn_complete_reason=reason, interaction_status=reported)
        await self._link.send(ServerMessage(server_content=content, usage_metadata=self._usage()))
        if self._behavior.resumes and status == "IDLE" and not waiting:
            life_ms = self._behavior.model.handle_ms
            index = self._link.consumed_index if self._behavior.transparent else None
            update = SessionResumptionUpdate(
                new_handle=self._parts.components.resumptions.keep(self._state, life_ms),
                resumable=True,
                last_consumed_client_message_index=index,
            )
            await self._link.send(ServerMessage(session_resumption_update=update))

    async def _send(self, reply: Reply) -> PacedSpeech:
        """Send what comes before a reply's words, then the words, as audio or text."""
        behavior = self._behavior
        speech = self._speech = PacedSpeech(self._parts)
        for part in _code_parts(reply.executed) if reply.executed else ():
            await speech.send_part(part)
        if reply.pages:
            await self._link.send_content(url_context_metadata=_url_context(reply.pages))
        if behavior.mute:
            await speech.speak(_silence())
        elif behavior.speaks:
            skills = behavior.skills
            target = skills.translation.target if skills.translation else None
            language = reply.language or target or skills.language
            voice = self._parts.components.text_to_speech
            chunks = voice.speak(reply.text, behavior.voice, language, reply.mood)
            await speech.speak(chunks, language if target else None)
            if behavior.vertex and behavior.transcribes_output:
                await self._link.send_content(output_transcription=Transcription(finished=True))
        else:
            await speech.write(reply.text)
        return speech

    async def _played(self, speech: PacedSpeech) -> None:
        await speech.wait_played()
        self._state.context.add("model", speech.text)
        self._speech = None

    def _usage(self) -> UsageMetadata:
        return self._state.context.end_turn(vertex=self._behavior.vertex)


class PacedSpeech:
    """Sends one answer four times faster than real time, and knows when a client will have played it.

    The first chunk is sent at once. A later message begins where a word begins, or after 200 ms: so words
    arrive just before their own audio, and after all the audio before it.

    Attributes:
        text: What has been sent so far.
    """

    def __init__(self, parts: SessionParts) -> None:
        self._link, self._behavior = parts.link, parts.behavior
        self._clock, self._context = parts.components.clock, parts.state.context
        self._began: float | None = None
        self._samples = 0
        self._language: str | None = None
        self.text = ""

    async def send_part(self, part: Part) -> None:
        """Send a part without audio: a thought, code, its result."""
        await self._link.send_content(model_turn=self._turn(part))

    async def speak(self, chunks: AsyncGenerator[SpeechChunk, None], language: str | None = None) -> None:
        """Send speech, paced, up to the session's `maxOutputTokens`.

        If a language is given, transcripts carry its code, and the code alone is sent before the first words.
        """
        self._language = language
        if language and self._behavior.transcribes_output:
            await self._link.send_content(output_transcription=Transcription(language_code=language))
        words, pcm = "", b""
        limited = _limited(chunks, self._behavior.max_output_tokens)
        async with aclosing(chunks), aclosing(limited):
            async for chunk in limited:
                if pcm and (chunk.text or len(pcm) >= _MESSAGE_BYTES):
                    await self._send(words, pcm)
                    words, pcm = "", b""
                words, pcm = words + chunk.text, pcm + chunk.pcm
                if self._began is None and pcm:
                    await self._send(words, pcm)
                    words, pcm = "", b""
        if words or pcm:
            await self._send(words, pcm)

    async def write(self, text: str) -> None:
        """Send an answer as text, up to the session's `maxOutputTokens`."""
        if self._behavior.max_output_tokens is not None:
            text = text[: CHARACTERS_PER_TOKEN * self._behavior.max_output_tokens]
        self._context.count_text_out(text)
        self.text += text
        await self.send_part(Part(text=text))

    async def wait_played(self) -> None:
        """Wait until a client that plays what it gets has played all of it."""
        if self._began is not None:
            await self._clock.sleep_until(self._began + self._samples * 1000 / OUTPUT_RATE)

    async def _send(self, words: str, pcm: bytes) -> None:
        now = self._clock.now_ms()
        if self._began is None:
            self._began = now
        due = self._began + self._samples * 1000 / OUTPUT_RATE / _SPEED
        if due > now:
            await self._clock.sleep_until(due)
        shown = words and self._behavior.transcribes_output
        transcript = Transcription(text=words, language_code=self._language) if shown else None
        turn = self._turn(Part(inline_data=Blob(data=pcm, mime_type=_MIME))) if pcm else None
        # Counted before anything is sent: an interruption meanwhile finds it already on the way.
        self._samples += len(pcm) // 2
        self._context.count_audio_out(len(pcm) // 2)
        self.text += words
        if transcript and turn and self._behavior.one_part_per_message:
            await self._link.send_content(output_transcription=transcript)
            transcript = None
        if transcript or turn:
            await self._link.send_content(output_transcription=transcript, model_turn=turn)
        await self._link.release()

    def _turn(self, part: Part) -> Content:
        return Content(role="model" if self._behavior.vertex else None, parts=[part])


async def _limited(
    chunks: AsyncGenerator[SpeechChunk, None], tokens: int | None
) -> AsyncGenerator[SpeechChunk, None]:
    """Yield speech up to a length in tokens; a chunk that is cut keeps its words."""
    left = None if tokens is None else tokens * OUTPUT_RATE // AUDIO_TOKENS_PER_S  # samples
    async for chunk in chunks:
        if left is not None and 2 * left <= len(chunk.pcm):
            yield SpeechChunk(chunk.pcm[: 2 * left], chunk.text if left else "")
            return
        left = left if left is None else left - len(chunk.pcm) // 2
        yield chunk


async def _silence() -> AsyncGenerator[SpeechChunk, None]:
    for _ in range(_MUTE_S * 5):
        yield SpeechChunk(bytes(2 * OUTPUT_RATE // 5))


def _code_parts(executed: ExecutedCode) -> Iterator[Part]:
    """Yield the code, then its result."""
    yield Part(executable_code=ExecutableCode(code=executed.code, language="PYTHON"))
    outcome = "OUTCOME_OK" if executed.ok else "OUTCOME_FAILED"
    yield Part(code_execution_result=CodeExecutionResult(outcome=outcome, output=executed.output))


def _url_context(pages: tuple[RequestedPage, ...]) -> dict[str, Any]:
    """Return `urlContextMetadata`."""
    status = {True: "URL_RETRIEVAL_STATUS_SUCCESS", False: "URL_RETRIEVAL_STATUS_ERROR"}
    return {
        "urlMetadata": [
            {"retrievedUrl": page.uri, "urlRetrievalStatus": status[page.retrieved]} for page in pages
        ]
    }


def grounding(found: SearchGrounding, answer: str) -> dict[str, Any]:
    """Return `groundingMetadata` of `answer`. As on the service, positions count bytes of UTF-8."""
    start = max(0, answer.find(found.text))
    first = len(answer[:start].encode())
    segment: dict[str, Any] = {"endIndex": first + len(found.text.encode()), "text": found.text}
    if first:  # the wire omits zeros
        segment["startIndex"] = first
    return {
        "webSearchQueries": list(found.queries),
        "groundingChunks": [{"web": {"uri": one.uri, "title": one.title}} for one in found.sources],
        "groundingSupports": [
            {"segment": segment, "groundingChunkIndices": list(range(len(found.sources)))},
        ],
        "searchEntryPoint": {"renderedContent": "".join(map(_search_chip, found.queries))},
    }


def _search_chip(query: str) -> str:
    address = f"https://www.google.com/search?q={quote_plus(query)}"
    return f'<a class="chip" href="{html.escape(address)}">{html.escape(query)}</a>'
