"""Frames to messages and events, and back, without I/O.

A client makes frames with `encode_client` and `audio_message`, and turns those of the server into events with
a `ServerDecoder`, one for each connection. A server (the stand-in) reads with `decode_client` and answers
with `encode_server`. Nothing from outside raises on the client's side; the server's side refuses what the
service would refuse, in its words.

Both try the typed decoder first, which takes camelCase, standard base64 and no surprises: nearly every real
frame of the service. Only if that fails, the frame is decoded into plain objects and walked by a `Reader`.

One server message becomes events in one fixed order, whichever fields are set, since models batch as they
please: setup complete, voice activity, interim and input transcript, output transcript, the model's parts in
order, grounding and URL context, tool calls with those among the parts, cancellations, generation complete,
interrupted, usage, waiting, interaction status, resumption update, turn complete, go away, error, what
happens inside an agent.
"""

from __future__ import annotations

import binascii
import re
from collections import deque
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec

from livewidget import events
from livewidget.errors import REASON_BYTES
from livewidget.events import Event, Malformed
from livewidget.protocol.lenient import Reader, W, camel, snake
from livewidget.protocol.messages import (
    AgentEvent,
    Blob,
    ClientMessage,
    FunctionCall,
    ModalityTokenCount,
    Part,
    ServerContent,
    ServerMessage,
    Setup,
    Transcription,
    UsageMetadata,
)

#: Sample rate of the Live API's output in Hz, also if the MIME type names none.
OUTPUT_RATE = 24_000

#: Most samples that a page may say one part has. Chosen: more than a message of 16 MiB holds.
MOST_SAMPLES = 2**24

_RATE = re.compile(r"rate\s*=\s*\"?([0-9]{1,7})", re.ASCII)
_DURATION = re.compile(r"(-?[0-9]{1,12})(\.[0-9]{1,9})?s", re.ASCII)
#: Longest text of an error message, in characters. Chosen: fits a notice.
_ERROR_TEXT = 200
#: Longest notice of an agent, in characters. Chosen: two or three sentences.
_NOTICE_TEXT = 400
#: Longest name of an agent, in characters. Chosen: fits the head of a turn.
_NAME_TEXT = 60


def duration_ms(text: str | None) -> int | None:
    """Return a protobuf duration ("50s", "1.500s") in milliseconds; None for anything else."""
    match = _DURATION.fullmatch(text) if text else None
    return None if match is None else round((int(match[1]) + float(match[2] or 0)) * 1000)


def pcm_rate(mime_type: str, default: int = OUTPUT_RATE) -> int | None:
    """Return the sample rate in Hz of PCM audio, `default` if `mime_type` names none; else None."""
    kind, _, parameters = mime_type.partition(";")
    if kind.strip().lower() not in ("audio/pcm", "audio/l16"):
        return None
    match = _RATE.search(parameters.lower())
    rate = int(match[1]) if match else default
    # Chosen: from half the lowest to twice the highest rate in use, 192 kHz; anything else is nonsense.
    return rate if 1_000 <= rate <= 384_000 else default


#: Most unknown paths that one connection reports. Chosen: more than the protocol has names.
UNKNOWN_PATHS = 256

#: Payloads that a part may have but that no Live API model sends: reported as unknown if one does.
_UNUSED_OF_PARTS = ("file_data", "function_response", "tool_call", "tool_response")
#: Calls of one turn kept to recognize those that come both ways. Chosen: more than a model makes at once.
_CALLS_KEPT = 64

#: The two fields that a call may come in.
_IN_PARTS = "serverContent.modelTurn.parts[].functionCall"
_IN_TOOL_CALL = "toolCall.functionCalls[]"

_ACTIVITY: dict[str, type[events.ActivityStart] | type[events.ActivityEnd]] = {
    "START": events.ActivityStart,
    "END": events.ActivityEnd,
}
_GENERATION_COMPLETE = events.GenerationComplete()
_INTERRUPTED = events.Interrupted()
_TURN_COMPLETE = events.TurnComplete()


class ServerDecoder:
    """Reads the frames of one connection from the server, in order.

    It remembers which unknown names it has reported, and the odd byte of an audio chunk of odd length. That
    byte is put before the next chunk of the same turn, since half a sample would turn all that follows into
    noise, and dropped when the turn ends.
    """

    def __init__(self, *, sound_by_length: bool = False, is_agent: bool = False) -> None:
        """Begin.

        Args:
            sound_by_length: A page plays the audio, and puts its length in the place of its data.
            is_agent: The other end is an agent in this process, which may tell what happens inside it. From
                anybody else that is an unknown name.
        """
        self._by_length = sound_by_length
        self._is_agent = is_agent
        self._odd = b""
        self._rates: dict[str, int | None] = {}
        self._unknown: set[str] = set()
        self._activity = ("", "")  # of the last one reported: the field it came in, and its kind
        # The calls of this turn by the field they came in, without those that came in the other as well.
        self._calls_seen: dict[str, deque[FunctionCall]] = {
            place: deque(maxlen=_CALLS_KEPT) for place in (_IN_PARTS, _IN_TOOL_CALL)
        }

    def decode(self, frame: str | bytes) -> list[Event]:
        """Return the events of `frame`, in a fixed order. Never raises, whatever the frame.

        An unknown name is left out and reported as `Unknown`, once for each path. A field of the wrong type
        is left out and reported as `Malformed`; the rest of the frame counts. A frame that is not a JSON
        object is one `Malformed`.
        """
        try:
            message = _server_decoder.decode(frame)
        except _UNREADABLE:
            return self._decode_slowly(frame)
        return self.events(message)

    def _decode_slowly(self, frame: str | bytes) -> list[Event]:
        size = len(frame)
        reader = _LenientReader()
        try:
            value = _any_decoder.decode(frame)
            if type(value) is not dict:
                return [Malformed(problem="the frame is not a JSON object", size=size)]
            message = reader.read(ServerMessage, value)
        except RecursionError:
            return [Malformed(problem="the frame is nested too deep", size=size)]
        except _UNREADABLE:
            return [Malformed(problem="the frame is not JSON", size=size)]
        out = self.events(message) if message is not None else []
        for path in reader.unknown_paths:
            self._report_unknown(path, out)
        out.extend(
            Malformed(problem=f"{path} is not of the expected type", size=size) for path in reader.wrong_paths
        )
        return out

    def _report_unknown(self, path: str, out: list[Event]) -> None:
        if path not in self._unknown and len(self._unknown) < UNKNOWN_PATHS:
            self._unknown.add(path)
            out.append(events.Unknown(path=path))

    def events(self, message: ServerMessage) -> list[Event]:
        """Return the events of `message`, in the order of this module's docstring."""
        out: list[Event] = []
        content = message.server_content
        if message.setup_complete is not None:
            out.append(events.SessionStarted(session_id=message.setup_complete.session_id))
        if message.voice_activity is not None or message.voice_activity_detection_signal is not None:
            self._voice_activity(message, out)
        if content is not None:
            self._content(content, out)
        if message.tool_call is not None:
            self._calls(_IN_TOOL_CALL, message.tool_call.function_calls or (), out)
        if content is not None and content.model_turn is not None:
            self._calls(_IN_PARTS, [part.function_call for part in content.model_turn.parts or ()], out)
        if message.tool_call_cancellation is not None and message.tool_call_cancellation.ids:
            out.append(events.ToolCallCancelled(ids=tuple(message.tool_call_cancellation.ids)))
        if content is not None:
            if content.generation_complete:
                out.append(_GENERATION_COMPLETE)
            if content.interrupted:
                self._end_turn()
                out.append(_INTERRUPTED)
        if message.usage_metadata is not None:
            out.append(_usage(message.usage_metadata))
        if content is not None:
            if content.waiting_for_input:
                out.append(events.WaitingForInput())
            if content.interaction_status is not None:
                out.append(events.InteractionStatus(status=content.interaction_status))
        if message.session_resumption_update is not None:
            update = message.session_resumption_update
            out.append(
                events.ResumptionUpdate(handle=update.new_handle or None, resumable=bool(update.resumable))
            )
        if content is not None and content.turn_complete:
            self._end_turn()
            reason = content.turn_complete_reason
            known = reason and reason != "TURN_COMPLETE_REASON_UNSPECIFIED"
            out.append(events.TurnComplete(reason=reason) if known else _TURN_COMPLETE)
        if message.go_away is not None:
            out.append(events.GoAway(time_left_ms=duration_ms(message.go_away.time_left)))
        if message.error is not None:
            out.append(_error(message.error))
        if message.agent_event is not None and self._is_agent:
            out.extend(_agent_events(message.agent_event))
        elif message.agent_event is not None:
            self._report_unknown("agentEvent", out)
        return out

    def _content(self, content: ServerContent, out: list[Event]) -> None:
        if content.interim_input_transcription is not None and content.interim_input_transcription.text:
            out.append(events.InterimInputTranscript(text=content.interim_input_transcription.text))
        if content.input_transcription is not None:
            _transcript(events.InputTranscript, content.input_transcription, out)
        if content.output_transcription is not None:
            _transcript(events.OutputTranscript, content.output_transcription, out)
        if content.model_turn is not None:
            for kind, parts in groupby(content.model_turn.parts or (), _text_kind):
                # Joined, since what follows costs as much for a letter as for a page.
                if kind is not None:
                    out.append(kind(text="".join(part.text or "" for part in parts)))
                else:
                    for part in parts:
                        self._part(part, out)
        if content.grounding_metadata:
            out.append(events.Grounding(metadata=content.grounding_metadata))
        if content.url_context_metadata:
            out.append(events.UrlContext(metadata=content.url_context_metadata))

    def _voice_activity(self, message: ServerMessage, out: list[Event]) -> None:
        """Report each start and end once, though two fields may carry it, in one message or in two."""
        activity, signal = message.voice_activity, message.voice_activity_detection_signal
        found: list[tuple[str, str, int | None]] = []
        if activity is not None:
            kind = (activity.type or activity.voice_activity_type or "").removeprefix("ACTIVITY_")
            found.append(("activity", kind, duration_ms(activity.audio_offset)))
        if signal is not None:
            word = (signal.vad_signal_type or "").removeprefix("VAD_SIGNAL_TYPE_")
            found.append(("signal", {"SOS": "START", "EOS": "END"}.get(word, ""), None))
        for field, kind, offset in found:
            event = _ACTIVITY.get(kind)
            last_field, last_kind = self._activity
            if event is None or (kind == last_kind and field != last_field):
                continue
            self._activity = (field, kind)
            out.append(event(offset_ms=offset))

    def _end_turn(self) -> None:
        self._odd = b""
        for seen in self._calls_seen.values():
            seen.clear()

    def _calls(self, place: str, calls: Iterable[FunctionCall | None], out: list[Event]) -> None:
        """Report each call once, though it may come as a part and in a `toolCall`, in one message or two."""
        other = self._calls_seen[_IN_TOOL_CALL if place is _IN_PARTS else _IN_PARTS]
        for call in calls:
            if call is None:
                continue
            if call.will_continue:
                # A piece of a call whose arguments are streamed; no setup of ours asks for that.
                self._report_unknown(f"{place}.partialArgs", out)
                continue
            double = next((one for one in other if _is_same(one, call)), None)
            if double is not None:
                other.remove(double)
                continue
            self._calls_seen[place].append(call)
            out.append(events.ToolCall(id=call.id or "", name=call.name or "", args=call.args or {}))

    def _part(self, part: Part, out: list[Event]) -> None:
        before = len(out)
        if part.text:
            out.append(events.Thought(text=part.text) if part.thought else events.OutputText(text=part.text))
        if part.inline_data is not None:
            self._blob(part.inline_data, out)
        if part.executable_code is not None:
            code = part.executable_code
            out.append(events.ExecutableCode(code=code.code, language=code.language, id=code.id))
        if part.code_execution_result is not None:
            result = part.code_execution_result
            out.append(events.CodeResult(outcome=result.outcome, output=result.output or "", id=result.id))
        if len(out) == before and part.function_call is None:
            for name in _UNUSED_OF_PARTS:
                if getattr(part, name) is not None:
                    self._report_unknown(f"serverContent.modelTurn.parts[].{camel(name)}", out)

    def _blob(self, blob: Blob, out: list[Event]) -> None:
        data = blob.data
        mime_type = blob.mime_type or "application/octet-stream"
        if mime_type not in self._rates:
            if len(self._rates) > 64:
                self._rates.clear()
            self._rates[mime_type] = pcm_rate(mime_type)
        rate = self._rates[mime_type]
        if rate is None:
            if data:
                out.append(events.OutputMedia(data=data, mime_type=mime_type))
            return
        if self._by_length and not data:
            if 0 < (blob.samples or 0) <= MOST_SAMPLES:
                peak = None if blob.peak is None else min(1.0, max(0.0, blob.peak))
                out.append(
                    events.OutputAudio(data=b"", sample_rate=rate, samples=blob.samples or 0, peak=peak)
                )
            return
        if self._odd:
            data = self._odd + data
            self._odd = b""
        if len(data) & 1:
            self._odd = data[-1:]
            data = data[:-1]
        if data:
            out.append(events.OutputAudio(data=data, sample_rate=rate))


def _text_kind(part: Part) -> type[events.OutputText] | type[events.Thought] | None:
    """Return the event of a part that is text and nothing else, or None."""
    if not part.text or part.inline_data or part.executable_code or part.code_execution_result:
        return None
    return events.Thought if part.thought else events.OutputText


def _is_same(one: FunctionCall, other: FunctionCall) -> bool:
    """Return whether two fields carry one call: by its id if both have one, else by what is called."""
    if one.id and other.id:
        return one.id == other.id
    return one.name == other.name and (one.args or {}) == (other.args or {})


def _transcript(
    event: type[events.InputTranscript] | type[events.OutputTranscript],
    transcription: Transcription,
    out: list[Event],
) -> None:
    """Append an event unless the transcription is empty, as the one that opens a stream of them is."""
    text, language = transcription.text, transcription.language_code
    if text or transcription.finished or language:
        out.append(event(text=text or "", finished=bool(transcription.finished), language=language or None))


#: Counts of tokens are int32 in the protocol; a larger one can be multiplied by no price, nor read by a page.
_TOKENS_MAX = 2**31 - 1


def _count(tokens: int | None) -> int:
    return min(max(tokens or 0, 0), _TOKENS_MAX)


def _usage(usage: UsageMetadata) -> events.Usage:
    response = usage.response_token_count
    details = usage.response_tokens_details
    return events.Usage(
        prompt_tokens=_count(usage.prompt_token_count),
        response_tokens=_count(usage.candidates_token_count if response is None else response),
        thoughts_tokens=_count(usage.thoughts_token_count),
        tool_use_prompt_tokens=_count(usage.tool_use_prompt_token_count),
        cached_tokens=_count(usage.cached_content_token_count),
        total_tokens=_count(usage.total_token_count),
        prompt_by_modality=_by_modality(usage.prompt_tokens_details),
        response_by_modality=_by_modality(usage.candidates_tokens_details if details is None else details),
        traffic_type=usage.traffic_type,
    )


def _by_modality(details: list[ModalityTokenCount] | None) -> dict[str, int]:
    counts: dict[str, int] = {}
    for detail in details or ():
        name = detail.modality or "MODALITY_UNSPECIFIED"
        counts[name] = _count(counts.get(name, 0) + _count(detail.token_count))
    return counts


def _error(error: dict[str, Any]) -> events.Notice:
    """Return the notice for an error that came as a message; usually the service closes the connection."""
    text = error.get("message")
    words = " ".join(text.split())[:_ERROR_TEXT] if isinstance(text, str) else "it gave no reason"
    return events.Notice(level="error", code="server-error", text=f"The server reported an error: {words}")


def _agent_events(event: AgentEvent) -> list[Event]:
    """Return what happened inside an agent. Its texts are somebody's, and are cut to what a card shows."""
    out: list[Event] = []
    if (call := event.tool_call) is not None:
        out.append(events.ToolCall(id=call.id or "", name=call.name or "", args=call.args or {}, remote=True))
    if (result := event.tool_result) is not None:
        failed = (
            None if result.failure is None else " ".join(result.failure.split())[:_ERROR_TEXT] or "failed"
        )
        response = (result.response or {}) if failed is None else None
        out.append(
            events.ToolResult(
                id=result.id or "", name=result.name or "", result=response, error=failed, remote=True
            )
        )
    if event.agent is not None:
        out.append(events.AgentChanged(agent=" ".join(event.agent.split())[:_NAME_TEXT]))
    if event.notice and event.notice.strip():
        text = " ".join(event.notice.split())[:_NOTICE_TEXT]
        out.append(events.Notice(level="warning", code="agent", text=text))
    return out


_client_decoder = msgspec.json.Decoder(ClientMessage)
_server_decoder = msgspec.json.Decoder(ServerMessage)
_any_decoder = msgspec.json.Decoder()

# ValueError: bad UTF-8 and lone surrogates. RecursionError: nesting deeper than the decoder goes.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class ClientMessageError(ValueError):
    """A client's frame for which the service would close the connection, with code 1007.

    Attributes:
        reason: The service's own words, at most `REASON_BYTES` bytes of UTF-8.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason.encode("utf-8", "replace")[:REASON_BYTES].decode("utf-8", "ignore")
        super().__init__(self.reason)


def decode_client(frame: str | bytes) -> ClientMessage:
    """Read a client's frame as the service does: lenient about spelling, strict about names.

    Args:
        frame: JSON, from a text or a binary frame.

    Raises:
        ClientMessageError: If the service would refuse it.
    """
    try:
        message = _client_decoder.decode(frame)
    except _UNREADABLE:
        message = _read_client(frame)
    if message.realtime_input is None and message.client_content is None:
        # What comes rarely is read strictly: words of enums, keywords of schemas, `Setup.extra`.
        message = _read_client(frame)
    _check_oneof(message)
    return message


def _read_client(frame: str | bytes) -> ClientMessage:
    value = parse_strictly(frame)
    if type(value) is not dict:
        raise ClientMessageError(
            'Invalid JSON payload received. Unknown name "": Root element must be a message.'
        )
    return read_strictly(ClientMessage, value)


def parse_strictly(frame: str | bytes) -> Any:
    """Return the JSON value of a frame, or refuse the frame with `ClientMessageError`."""
    try:
        return _any_decoder.decode(frame)
    except _UNREADABLE:
        raise ClientMessageError("Invalid JSON payload received. Unexpected token.") from None


def read_strictly(cls: type[W], value: Any) -> W:
    """Return `value` as a struct, or refuse it with `ClientMessageError` where the service would."""
    try:
        message = _StrictReader().read(cls, value)
    except RecursionError:
        raise ClientMessageError("Invalid JSON payload received. Nesting is too deep.") from None
    assert message is not None  # The strict reader raises instead.
    return message


def _check_oneof(message: ClientMessage) -> None:
    names = [name for name in message.__struct_fields__ if getattr(message, name) is not None]
    if not names:
        raise ClientMessageError("Request contains an invalid argument.")
    if len(names) > 1:
        raise ClientMessageError(
            f"Invalid value (oneof), oneof field 'message_type' is already set. Cannot set '{names[1]}'"
        )


class _StrictReader(Reader):
    """Refuses whatever the service would refuse, in the service's words."""

    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        place = f" at '{_place(path)}'" if path else ""
        raise ClientMessageError(
            f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
        )

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        if expected == "required":
            raise ClientMessageError("Request contains an invalid argument.")
        raise ClientMessageError(f"Invalid value at '{_place(path)}' ({expected})")

    def no_choice(self, path: tuple[str | int, ...], word: str) -> None:
        raise ClientMessageError(f"Invalid value at '{_place(path)}' (TYPE_ENUM), \"{word}\"")


def _place(path: tuple[str | int, ...]) -> str:
    """Return a path as the service writes it: `setup.tools[0].function_declarations[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{snake(step)}"
    return text.lstrip(".")


#: Longest path in a report, in characters. Chosen: longer than the protocol's, which are not cut off.
_PATH_LENGTH = 200
#: Most wrong fields of one frame that are reported. Chosen: a broken frame should not flood the notices.
_PROBLEMS = 8


class _LenientReader(Reader):
    """Leaves out what it cannot use, and remembers where."""

    def __init__(self) -> None:
        self.unknown_paths: dict[str, None] = {}
        self.wrong_paths: dict[str, None] = {}

    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        if len(self.unknown_paths) < UNKNOWN_PATHS:
            self.unknown_paths[_general(path, name)] = None

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        if len(self.wrong_paths) < _PROBLEMS:
            self.wrong_paths[_general(path)] = None


def _general(path: tuple[str | int, ...], name: str = "") -> str:
    """Return a path that is the same for every index: `serverContent.modelTurn.parts[].text`."""
    text = ""
    for step in (*path, name) if name else path:
        text += "[]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")[:_PATH_LENGTH]


_encoder = msgspec.json.Encoder()


def encode_client(message: ClientMessage) -> str:
    """Return the text frame for `message`: compact JSON in camelCase, with standard base64.

    What JSON cannot hold is replaced: a lone surrogate by U+FFFD, a number that is not finite by null.

    Raises:
        RecursionError: If the user's own data (a tool's result) is nested too deep for JSON.
    """
    if message.setup is not None and message.setup.extra:
        return encode_json({"setup": with_extra(message.setup)}).decode()
    if message.tool_response is not None:
        # The service reads results as doubles; a larger integer would end the session.
        return _encoder.encode(_replace_unencodable(msgspec.to_builtins(message))).decode()
    return encode_json(message).decode()


def encode_server(message: ServerMessage) -> bytes:
    """Return the binary frame for `message` as the service writes it: JSON indented by two, and a newline."""
    return msgspec.json.format(encode_json(message), indent=2) + b"\n"


def audio_message(pcm: bytes, sample_rate: int = 16_000) -> str:
    """Return the text frame of one `realtimeInput.audio`, without building a message first.

    Args:
        pcm: PCM16 little-endian mono.
        sample_rate: The rate of `pcm` in Hz; the service resamples any.
    """
    data = binascii.b2a_base64(pcm, newline=False).decode("ascii")
    return f'{{"realtimeInput":{{"audio":{{"data":"{data}","mimeType":"audio/pcm;rate={sample_rate:d}"}}}}}}'


def page_audio_frame(samples: int) -> str:
    """Return, for the wire log, such a frame that a page has sent: with a length in the place of the data."""
    blob = f'{{"data":"","samples":{samples:d},"mimeType":"audio/pcm;rate=16000"}}'
    return f'{{"realtimeInput":{{"audio":{blob}}}}}'


def page_image_frame(mime_type: str, size: int) -> str:
    """Return, for the wire log, the frame of a picture of `size` bytes that a page has sent."""
    blob = encode_json({"data": "", "bytes": size, "mimeType": mime_type}).decode()
    return f'{{"realtimeInput":{{"video":{blob}}}}}'


def encode_json(message: Any) -> bytes:
    """Return compact JSON of a struct or of plain objects; see `encode_client` on what JSON cannot hold."""
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return _encoder.encode(_replace_unencodable(msgspec.to_builtins(message)))


def _replace_unencodable(value: Any) -> Any:
    """Return `value` without what the other side cannot read: lone surrogates, integers beyond 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_replace_unencodable(key): _replace_unencodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_unencodable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value) if abs(value) < 2**1023 else None
    return value


def with_extra(setup: Setup) -> dict[str, Any]:
    """Return a setup as JSON, with its `extra` merged into it."""
    plain: dict[str, Any] = msgspec.to_builtins(setup)
    merge(plain, plain.pop("extra", None) or {})
    return plain


def merge(target: dict[str, Any], extra: dict[str, Any]) -> None:
    """Merge `extra` into `target` in place, object by object; values of `extra` win.

    Names may be in either spelling; those of labels are the user's and stay as they are.
    """
    for key, value in extra.items():
        name = camel(key)
        inside = target.get(name)
        if name == "labels" and isinstance(value, dict) and isinstance(inside, dict):
            inside.update(value)
        elif isinstance(value, dict) and isinstance(inside, dict):
            merge(inside, value)
        else:
            target[name] = value
