"""A day of talk with the stand-in over a network where everything goes wrong, and a judge of what became of it.

Person, faults and stand-in go by one clock and one seed, so that a day can be had again. What is judged is what
either end wrote down: the person what was asked and told, the network what it did, the stand-in what it was asked
and what it remembers. Every word is used once, so whatever is lost, cut, repeated or made up shows.
"""

import asyncio
import gc
import itertools
import random
import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig
from livewidget.errors import ConnectFailed, LiveError, QuotaExceeded, ServerFault
from livewidget.events import ConnectionReplaced, Notice, SessionEnded
from livewidget.pictures import Picture
from livewidget.protocol import encode_server
from livewidget.protocol.messages import GoAway, ServerMessage
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.standin import StandIn
from livewidget.standin.interfaces import FunctionRequest, Phrases, Reply
from livewidget.transports.memory import pair
from livewidget.turns import Floor

from .words import QUIET, Ears, Voice, answer_to, pieces_of, word

STEP_MS = 100
HOUR_MS = 3_600_000
QUOTA = "You exceeded your current quota, please check your plan and billing details."
PICTURE = Picture(b"\xff\xd8\xff\xd9", "image/jpeg", 1, 1)

SORRY = "Sorry, that failed."
#: What tells the person that an answer, or the rest of it, will not come; and that words were not heard.
ANSWER_LOST = {"question-lost", "answer-cut", "call-lost", "no-answer", "sound-lost", "slow-link", "ended"}
#: A slow network is told of again after half a minute.
SLOW_NOTICE_MS = 30_500.0
WORDS_LOST = {"question-lost", "no-answer", "sound-lost", "slow-link", "ended"}


class Line:
    """One connection, with what can go wrong with it; the client's end is a transport.

    Attributes:
        began_ms, ended_ms: By the clock.
        answered: Whether a turn of the model was completed over it.
    """

    round_trip_ms = 20.0

    def __init__(self, clock):
        self.clock = clock
        self.began_ms, self.ended_ms = clock.now_ms(), None
        self.answered = False
        self.deaf = self.dead = self.drops_after_turn = False
        self.frame_ms = 0.0  # that each frame takes to be sent
        self.cut_in = None  # frames
        self.server = None
        self._client, self.end = pair()
        self._bytes = 0

    @property
    def bytes_received(self):
        """The server answers pings as long as there is a way to it."""
        if not self.dead:
            self._pongs = int(self.clock.now_ms() / 5000)
        return self._bytes + self._pongs

    async def send(self, frame):
        if self.frame_ms:
            await self.clock.sleep_until(self.clock.now_ms() + self.frame_ms)
        await self._count()
        if not self.deaf:
            await self._client.send(frame)

    async def receive(self):
        while True:
            frame = await self._client.receive()
            await self._count()
            if self.deaf:
                continue
            self._bytes += len(frame)
            if b"turnComplete" in frame:
                self.answered = True
                if self.drops_after_turn:
                    await self.end_with(1011, "Internal error encountered.")
            return frame

    async def close(self, code=1000, reason=""):
        self._over()
        await self._client.close(code, reason)
        await asyncio.wait([self.server])

    async def cut(self):
        """What is on its way either way is lost."""
        self._over()
        await self._client.close(1006)

    async def end_with(self, code, reason=""):
        """The server closes; what it has sent before still comes."""
        self._over()
        await self.end.close(code, reason)

    async def announce(self, left_ms):
        await self.end.send(encode_server(ServerMessage(go_away=GoAway(time_left=f"{left_ms / 1000:g}s"))))
        await self.clock.sleep_until(self.clock.now_ms() + left_ms)
        await self.end_with(1011, "Deadline expired before operation could complete.")

    async def _count(self):
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in < 0:
                await self.cut()

    def _over(self):
        self.ended_ms = self.clock.now_ms() if self.ended_ms is None else self.ended_ms


class Network(StandIn):
    """The stand-in, and the way to it.

    Attributes:
        lines: What became of each dial: a `Line`, or None where there was no connection.
        dialled_ms: When.
        quota_ms: When the quota was used up last.
    """

    def __init__(self, brain, clock, dice):
        super().__init__(ears=Ears(), brain=brain, voice=Voice(), clock=clock)
        self.lines, self.dialled_ms = [], []
        self.quota_ms = float("-inf")
        self.away_until_ms = self.busy_until_ms = 0.0
        self.drops_next = 0
        self._dice = dice

    @property
    def line(self):
        line = self.lines[-1] if self.lines else None
        return line if line is not None and line.ended_ms is None else None

    async def dial(self):
        now = self.clock.now_ms()
        self.dialled_ms.append(now)
        self.lines.append(None)
        if now < self.away_until_ms:
            raise ConnectFailed("There is no network.")
        if now < self.busy_until_ms:
            error = ServerFault("The server asks to wait.", code=503)
            error.retry_after_s = (self.busy_until_ms - now) / 1000
            raise error
        self.prepare()
        line = self.lines[-1] = Line(self.clock)
        line.server = asyncio.create_task(self.serve(line.end), name="stand-in session")
        if self.drops_next:
            self.drops_next -= 1
            line.cut_in = 2 + self._dice.randrange(2)
        return line

    def forget(self):
        """No handle is known any more."""
        self._resumptions._kept.clear()

    def remembers(self, handle):
        """The words that the service holds of the conversation."""
        state = self._resumptions.find(handle)
        return [] if state is None else " ".join(text for _, text in state.context.lines).split()


class Brain:
    """Answers each word by one of its own; now and then it calls a function first."""

    def __init__(self):
        self.asked, self.sorry = [], []

    def suggestions(self, declarations, skills):
        return ()

    def session(self, declarations, skills):
        return Mind(self)


class Mind:
    phrases = Phrases()

    def __init__(self, brain):
        self._brain = brain
        self._asked = ""

    async def reply(self, text, *, confident=True):
        self._brain.asked.append(text)
        if text[-1] in "07" and "broken" not in text:
            self._asked = text
            return FunctionRequest("look_up", {"text": text})
        return Reply(answer_to(text))

    async def result(self, name, result):
        text = str(result.get("result", ""))
        if not text:  # The server has given up the call, as when the computer slept meanwhile.
            self._brain.sorry.append(self._asked)
        return Reply(answer_to(text) if text else SORRY)


@dataclass
class Question:
    """What the person asked.

    Attributes:
        words: Its words.
        how: "spoken" or "typed".
        began_ms: When the person began.
        over_ms: When the person was content, was told of a loss, interrupted, or gave up.
        stopped: The person did not want the rest of the answer.
        unheard: No word of it was in the turns when the person gave up; what is asked next may interrupt it.
    """

    words: list[str]
    how: str
    began_ms: float
    over_ms: float = float("inf")
    stopped: bool = False
    unheard: bool = False

    @property
    def answer(self):
        return answer_to(" ".join(self.words)).split()


@dataclass
class Record:
    """What either end wrote down."""

    seed: int
    hours: float
    questions: list[Question] = field(default_factory=list)
    turns: list = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)  # when, and the code of the notice
    trace: list[tuple[float, str]] = field(default_factory=list)
    problems: list[tuple[float, str]] = field(default_factory=list)  # seen while it went on
    sizes: list[Counter] = field(default_factory=list)
    sorry: list[str] = field(
        default_factory=list
    )  # questions to which the server said that it could not answer
    faults: Counter = field(default_factory=Counter)
    ends: int = 0
    dials: int = 0
    moves: int = 0


class Day:
    """Lets a person talk for so many hours, in which the computer may sleep as well."""

    def __init__(self, seed, hours, *, session=LiveSession, policy=None, faults=None, every_s=(15, 130)):
        self.record = Record(seed, hours)
        self.clock, self.brain = ManualClock(), Brain()
        self.person_dice, self.dice = random.Random(f"person {seed}"), random.Random(f"faults {seed}")
        self.network = Network(self.brain, self.clock, self.dice)
        self.policy = policy or {}
        self.make = session
        self.session = None
        self.awake_ms = 0.0
        self._first_dial = 0  # of this session
        self._numbers = iter(range(1, 140_000))
        self._sound = []
        self._waits_ms, self._restart_ms, self._checks_ms = 2000.0, 0.0, 60_000.0
        self._muted = False
        self._question = None
        self._faults = faults if faults is not None else FAULTS
        self._every_s, self._fault_ms = every_s, 20_000.0
        self._tasks = set()
        self._temperature = 0
        self._turns_before = []

    async def run(self):
        while self.awake_ms < self.record.hours * HOUR_MS:
            await self._step(talks=True)
        self._fault_ms = float("inf")
        for _ in range(3000):  # Let the last question be answered.
            if self._question is None:
                break
            await self._step(talks=False)
        for _ in range(100):
            await self._step(talks=False)
        if self.session is not None:
            await self.session.close()
            self._end_session()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)
        record = self.record
        record.turns, record.sorry = self._turns_before, self.brain.sorry
        record.dials = len(self.network.dialled_ms)
        record.problems += left_behind(self.clock.now_ms())
        return record

    async def _step(self, *, talks):
        if self.session is None:
            await self._start()
        else:
            self._live(talks)
        if self.awake_ms >= self._fault_ms:
            self._fault_ms = self.awake_ms + 1000 * self.dice.uniform(*self._every_s)
            await self._strike()
        self._look()
        self.clock.advance(STEP_MS)
        self.awake_ms += STEP_MS
        for _ in range(25):
            await asyncio.sleep(0)

    # What the person does.

    async def _start(self):
        now = self.clock.now_ms()
        if now < self._restart_ms:
            return
        before = self.session_before if self._turns_before else None
        handle = before.handle if before is not None and before.remembers_all else None
        history = [(turn.speaker, turn.text) for turn in self._turns_before if turn.text.strip()][-200:]
        self._first_dial = len(self.network.lines)
        session = self.make(
            self.network,
            self._config(),
            tools=[self.look_up],
            handle=handle,
            history=history,
            reconnect=ReconnectPolicy(idle_pause_s=5, random=self.dice.random, **self.policy),
            clock=self.clock,
        )
        session.subscribe(self._on_event)
        self.session = session
        try:
            await session.start()
        except LiveError as error:
            self._note(f"not started: {error}")
            self.session, self._restart_ms = None, now + 15_000

    def _config(self):
        compression = {"trigger_tokens": 6000, "target_tokens": 3000}
        return LiveConfig.from_kwargs(
            compression=compression, resumption=True, temperature=self._temperature / 10
        )

    async def look_up(self, text: str) -> str:
        """Look something up."""
        await self.clock.sleep_until(self.clock.now_ms() + self.person_dice.choice([200, 400, 3000, 9000]))
        return text

    def _live(self, talks):
        session = self.session
        if not session.is_open:
            self._end_session()
            return
        if not self._sound:
            self._think(talks)
        if self._sound or not self._muted:
            session.put_audio(self._sound.pop(0) if self._sound else QUIET)

    def _think(self, talks):
        session, dice = self.session, self.person_dice
        floor, question = session.floor, self._question
        if question is not None:
            if floor is Floor.MODEL and talks and dice.random() < 0.002:
                self._over(stopped=True)
                if dice.random() < 0.3:
                    self._spawn(session.interrupt())
                    self._waits_ms = 1500.0
                else:
                    self._ask()
            elif floor is Floor.THINKING and talks and dice.random() < 0.0005:
                self._over(stopped=True)
                self._ask()
            elif self._is_content(question):
                self._over()
                self._waits_ms = dice.choice(
                    [300.0, 1500.0, 4000.0, 20_000.0, dice.choice([4000.0, 150_000.0])]
                )
            return
        self._waits_ms -= STEP_MS
        if dice.random() < 0.0005:
            self._muted = not self._muted
            self._note("muted" if self._muted else "unmuted")
            if self._muted:
                session.put_audio_end()
        if self._waits_ms <= 0 and talks:
            self._ask()

    def _ask(self):
        session, dice, now = self.session, self.person_dice, self.clock.now_ms()
        most = 100 if dice.random() < 0.03 else 12
        numbers = [next(self._numbers) for _ in range(dice.randint(1, most))]
        typed = dice.random() < 0.3 or (self._muted and dice.random() < 0.8)
        if dice.random() < 0.1:
            session.put_image(PICTURE)
        self._question = Question([word(one) for one in numbers], "typed" if typed else "spoken", now)
        self.record.questions.append(self._question)
        text = " ".join(self._question.words)
        self._note(f"{self._question.how}: {text}")
        if typed:
            session.put_text(text)
        else:
            self._muted = False
            self._sound = [piece for number in numbers for piece in pieces_of(number)]

    def _is_content(self, question):
        """Whether the person has the whole answer, was told that there will be none, or gives up."""
        if self.session.floor is not Floor.LISTENING:
            self._silent_ms = 0.0
            return False
        self._silent_ms += STEP_MS
        latest = self.session.turns[-1:]
        heard = latest and latest[-1].speaker == "model" and question.answer[-1] in latest[-1].text.split()
        told = self.record.told and self.record.told[-1][0] >= question.began_ms
        told = told and self.record.told[-1][1] in ANSWER_LOST
        if self._silent_ms > 30_000 and not heard and not told:
            said = " ".join(turn.text for turn in self.session.turns[-4:] if turn.speaker == "user").split()
            question.unheard = not set(said) & set(question.words)
            self._note("gives up")
            return True
        return self._silent_ms >= 1500 and (heard or told)

    def _over(self, *, stopped=False):
        question, self._question = self._question, None
        question.over_ms, question.stopped = self.clock.now_ms(), stopped
        if stopped:
            self._note("interrupts")
        self._sound, self._silent_ms = [], 0.0

    _silent_ms = 0.0

    def _end_session(self):
        """The session is over: the person sees why, and starts another."""
        self.session_before = self.session
        self._turns_before += self.session.turns if self.session is not None else []
        if self._question is not None:
            self._over()
        self._tell("ended")
        self.session, self._restart_ms = None, self.clock.now_ms() + self.person_dice.uniform(5_000, 30_000)

    def _on_event(self, event):
        if isinstance(event, Notice):
            self._tell(event.code)
        elif isinstance(event, ConnectionReplaced):
            self.record.moves += 1
            how = "resumed" if event.resumed else "not resumed"
            self._note(f"new connection: {event.why}, {how}{', replayed' if event.replayed else ''}")
        elif isinstance(event, SessionEnded):
            self._note(f"session ended: {event.error}")
            if event.error is not None:
                self.record.ends += 1
                if not self._may_end(self.session.error):
                    self._problem(f"the session ended, and the promise does not say so: {event.error}")

    def _tell(self, code):
        self.record.told.append((self.clock.now_ms(), code))
        self._note(f"told: {code}")

    # What goes wrong.

    async def _strike(self):
        name = self.dice.choices(list(self._faults), list(self._faults.values()))[0]
        self._note(f"fault: {name}")
        self.record.faults[name] += 1
        await getattr(self, "_fault_" + name)(self.network.line)

    async def _fault_cut(self, line):
        if line:
            await line.cut()

    async def _fault_cut_in_frames(self, line):
        if line:
            line.cut_in = self.dice.randrange(40)

    async def _fault_go_away(self, line):
        self.network.simulate("goaway")

    async def _fault_short_notice(self, line):
        if line:
            self._spawn(line.announce(self.dice.choice([0, 300, 1000, 4000])))

    async def _fault_close(self, line):
        if line:
            await line.end_with(
                self.dice.choice([1000, 1001, 1007, 1008, 1011, 1012, 1013]), "Something failed."
            )

    async def _fault_refused_handle(self, line):
        self.network.forget()
        if line:
            await line.cut()

    async def _fault_down(self, line):
        self.network.simulate("refuse")
        self._later(self.dice.uniform(500, 6_000), lambda: self.network.simulate("recover"))

    async def _fault_busy(self, line):
        self.network.busy_until_ms = self.clock.now_ms() + self.dice.uniform(2_000, 59_000)
        if line:
            await line.cut()

    async def _fault_deaf(self, line):
        if line:
            line.deaf = True

    async def _fault_dead(self, line):
        if line:
            line.deaf = line.dead = True

    async def _fault_slow(self, line):
        if line:
            line.frame_ms = self.dice.choice([60.0, 150.0, 400.0])
            self._later(self.dice.uniform(3_000, 20_000), lambda: setattr(line, "frame_ms", 0.0))

    async def _fault_drop_after_turn(self, line):
        if line:
            line.drops_after_turn = True

    async def _fault_away(self, line):
        self.network.away_until_ms = self.clock.now_ms() + self.dice.choice([1000, 3000, 8000, 60_000])
        if line:
            await line.cut()

    async def _fault_drops(self, line):
        self.network.drops_next = self.dice.choice([1, 2, 3, 4, 7])
        if line:
            await line.cut()

    async def _fault_asleep(self, line):
        self.clock.advance(self.dice.choice([60_000, 600_000, HOUR_MS, 3 * HOUR_MS]))

    async def _fault_settings(self, line):
        session = self.session
        if session is None or not session.is_open:
            return
        self._temperature = (self._temperature + 1) % 10
        self._spawn(session.update(self._config()))

    async def _fault_quota(self, line):
        if line:
            self.network.quota_ms = self.clock.now_ms()
            await line.end_with(1011, QUOTA)

    # What is written down.

    def _may_end(self, error):
        """Whether the promise lets a session end now, by what the network knows."""
        now, network = self.clock.now_ms(), self.network
        lines, dialled = network.lines[self._first_dial :], network.dialled_ms[self._first_dial :]
        if isinstance(error, QuotaExceeded):
            return now - network.quota_ms < 2000
        if sum(now - at < HOUR_MS for at in dialled) >= 100:
            return True
        last = lines[-6:]
        if len(last) == 6 and not any(line and self._was_good(line) for line in last):
            return True
        # A close soon after the first setup, before any answer.
        return len(lines) == 1 and lines[0] is not None and not self._was_good(lines[0])

    def _was_good(self, line):
        ended_ms = self.clock.now_ms() if line.ended_ms is None else line.ended_ms
        return line.answered or ended_ms - line.began_ms >= 10_000

    def _look(self):
        """Once a minute: what the service remembers, and how much the session holds."""
        session = self.session
        if self.awake_ms < self._checks_ms or session is None or not session.is_open:
            return
        if session.floor is not Floor.LISTENING or self._question is not None or not session.remembers_all:
            return
        self._checks_ms = self.awake_ms + 60_000
        self.record.sizes.append(sizes_of(session))
        answers = " ".join(turn.text for turn in session.turns[-8:] if turn.speaker == "model").split()
        whole = [one for one in self.record.questions[-6:] if set(one.answer) <= set(answers)][-2:]
        remembered = Counter(self.network.remembers(session.handle))
        for question in whole:
            counts = {remembered[one] for one in (*question.words, *question.answer)}
            if counts != {1}:
                self._problem(f"the service remembers '{question.words[0]} …' {sorted(counts)} times")

    def _note(self, text):
        self.record.trace.append((self.clock.now_ms(), text))

    def _problem(self, text):
        self.record.problems.append((self.clock.now_ms(), text))

    def _later(self, ms, act):
        async def wait():
            await self.clock.sleep_until(at_ms)
            act()

        at_ms = self.clock.now_ms() + ms
        self._spawn(wait())

    def _spawn(self, work):
        async def run():
            try:
                await work
            except LiveError as error:
                self._note(f"{type(error).__name__}: {error}")
            except Exception as error:
                if type(error).__name__ != "TransportClosed":
                    raise

        task = asyncio.create_task(run(), name="day")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


#: How often each goes wrong, in proportion. Most are survived; an hour has at most 100 dials.
FAULTS = {
    "cut": 8,
    "cut_in_frames": 10,
    "go_away": 5,
    "short_notice": 5,
    "close": 8,
    "refused_handle": 3,
    "down": 4,
    "busy": 3,
    "deaf": 3,
    "dead": 3,
    "slow": 4,
    "drop_after_turn": 4,
    "away": 3,
    "drops": 3,
    "asleep": 2,
    "settings": 4,
    "quota": 1,
}


def judge(record):
    """What is wrong with a day, each as when and what; none if all is well."""
    found = list(record.problems)
    counts = {who: Counter() for who in ("user", "model")}
    for turn in record.turns:
        counts[turn.speaker].update(turn.text.split())
    known = {"user": set(), "model": {"One", "moment,", "please.", *SORRY.split()}}
    for place, question in enumerate(record.questions):
        known["user"].update(question.words)
        known["model"].update(question.answer)
        told = told_of(record, place)
        found += judge_part(question, "word", question.words, counts["user"], told & WORDS_LOST)
        is_excused = question.stopped or question.unheard or told & ANSWER_LOST
        is_excused = is_excused or " ".join(question.words) in record.sorry
        found += judge_part(question, "answer", question.answer, counts["model"], is_excused)
    spoiled = {code for _, code in record.told} & WORDS_LOST
    for who, counted in counts.items():
        foreign = set(counted) - known[who] - ({"broken", answer_to("broken")} if spoiled else set())
        if foreign:
            found.append((0.0, f"nobody said {sorted(foreign)[:5]}, and it is in the turns"))
    found += judge_order(record)
    found += judge_sizes(record)
    return sorted(found)


def told_of(record, place):
    """The notices that may be about a question: from its beginning until the next one that was let end."""
    questions = record.questions
    first, last = questions[place].began_ms, place
    while (questions[last].stopped or questions[last].unheard) and last + 1 < len(questions):
        last += 1
    codes, until_ms = set(), questions[last].over_ms
    for at, code in record.told[bisect_left(record.told, (first, "")) :]:
        if at > until_ms + SLOW_NOTICE_MS:
            break
        if at <= until_ms or code == "slow-link":
            codes.add(code)
    return codes


def judge_part(question, what, words, counted, is_excused):
    times = Counter(counted[one] for one in words)
    more = [one for one in words if counted[one] > 1]
    if more:
        yield question.over_ms, f"{what} {more[0]} is there {counted[more[0]]} times ({question.how})"
    if times[0] and not is_excused:
        text = f"{what} of '{question.words[0]} …' ({question.how}): {times[0]} of {len(words)} are missing"
        yield question.over_ms, f"{text}, and nobody was told"


def judge_order(record):
    """Words are in the order in which they were said, but for those that a deaf server was told later."""
    late = {
        one for question in record.questions if question.unheard for one in question.words + question.answer
    }
    for who in ("user", "model"):
        spoken = [one for turn in record.turns if turn.speaker == who for one in turn.text.split()]
        numbers = [int(one[1:]) for one in spoken if one[1:].isdigit() and one not in late]
        wrong = next((b for a, b in itertools.pairwise(numbers) if b < a), None)
        if wrong is not None:
            at = next((one.over_ms for one in record.questions if word(wrong) in one.words), 0.0)
            yield at, f"{who} turns are out of order at {wrong}"


def judge_sizes(record):
    """What a session holds, beside its turns, does not grow."""
    half = len(record.sizes) // 2
    for where in {name for sizes in record.sizes for name in sizes}:
        early = max((sizes[where] for sizes in record.sizes[:half]), default=0)
        late = max((sizes[where] for sizes in record.sizes[half:]), default=0)
        if late > max(2 * early, 300):
            yield float("inf"), f"{where} has grown from {early} to {late}"


def sizes_of(session):
    """The tasks, the threads, and the length of each container of a session that has no bound, but for its turns."""
    sizes = Counter(tasks=len(asyncio.all_tasks()), threads=threading.active_count())
    seen, queue = set(), [("session", session)]
    while queue:
        where, thing = queue.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, LiveSession) or type(thing).__module__.split(".")[0] == "livewidget":
            if not isinstance(thing, StandIn | ManualClock):
                queue += ((f"{where}.{name}", value) for name, value in attributes(thing))
        elif isinstance(thing, list | tuple | dict | set | frozenset) or type(thing).__name__ == "deque":
            if getattr(thing, "maxlen", None) is None and not where.endswith("_store._turns"):
                sizes[where] = max(sizes[where], len(thing))
            items = list(thing.values()) if isinstance(thing, dict) else list(thing)
            queue += ((f"{where}[]", item) for item in items[-50:])
    return sizes


def attributes(thing):
    """The attributes of an object, those in slots as well."""
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in names:
        if hasattr(thing, name) and name != "__weakref__":
            yield name, getattr(thing, name)
    yield from list(getattr(thing, "__dict__", {}).items())


def left_behind(now_ms):
    gc.collect()
    names = Counter(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())
    return [(now_ms, f"tasks are left behind: {dict(names)}")] if names else []


def explain(record, found, count=5):
    """The first of what was found, with how to have it again and what came before."""
    lines = [f"LIVEWIDGET_DAY_SEED={record.seed} LIVEWIDGET_DAY_HOURS={record.hours:g}: {len(found)} found"]
    for at, text in found[:count]:
        lines.append(f"{stamp(at)}  {text}; before and after:")
        after = sum(when <= at for when, _ in record.trace)
        events = record.trace[max(0, after - 14) : after + 6]
        lines += [f"    {stamp(when)}  {what[:110]}" for when, what in events]
    return "\n".join(lines)


def stamp(ms):
    if ms == float("inf"):
        return "at the end"
    seconds, tenths = divmod(int(ms / 100), 10)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{tenths}"


def play(seed, hours, **options):
    return asyncio.run(Day(seed, hours, **options).run())
