"""What the tutor knows to talk about, as data: phrases that it listens for, and what it answers.

Phrases are lower case, without punctuation, numbers as words: the spelling that the recogniser is built from.
Two phrases that sound alike must mean the same.
"""

from __future__ import annotations

SUGGESTIONS = (
    "what is seven plus five",
    "what time is it",
    "what can you do",
    "tell me a story",
    "what is the capital of france",
)
"""What a person could say to begin with."""

GREETING = (
    "Hello! I am the small offline tutor, not Gemini: a little program on this computer. "
    "Ask me, for example, what is seven plus five."
)

ABILITIES = (
    "I am a small offline tutor and know a few things: sums with numbers up to one hundred, the time and the "
    "date, some questions about the world, counting, a joke and a story."
)

SORRY = "Sorry, I did not understand that. I am a small offline tutor."
SORRY_HINT = "You can say: {suggestion}. Or ask: what can you do?"

ENGLISH_ONLY = "I speak English only."

STORY = (
    "Once upon a time a small robot lived in an old library. Every night it read one book aloud, "
    "although nobody was there to listen. One winter evening a mouse came in from the snow and sat "
    "down beside it. The robot read slowly, and the mouse fell asleep at the happy end. From that "
    "night on, the robot always read to somebody."
)

JOKES = (
    "Why was six afraid of seven? Because seven eight nine.",
    "What do you call a bear with no teeth? A gummy bear.",
    "Why did the computer go to the doctor? It had a virus.",
)

SMALL_TALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    (GREETING, ("hello", "hello tutor", "good morning")),
    (
        "I am the small offline tutor, a program on this computer, not Gemini and not a language model.",
        ("who are you", "what is your name", "are you gemini", "are you a computer"),
    ),
    ("You are welcome.", ("thank you", "thank you very much", "thanks a lot")),
    ("I am fine, thank you. Shall we do some sums?", ("how are you", "how are you today")),
    ("Goodbye! It was nice to talk with you.", ("see you tomorrow", "goodbye for now")),
    ("All right, I am quiet.", ("stop talking", "be quiet please")),
    ("Yes, I can hear you well.", ("can you hear me", "do you hear me")),
    (STORY, ("tell me a story", "please tell me a story", "read me a story")),
)
"""Answers, each with the phrases that ask for it."""

SPECIAL: dict[str, tuple[str, ...]] = {
    "abilities": ("what can you do", "help me please", "what can i say"),
    "time": ("what time is it", "what is the time", "tell me the time"),
    "date": ("what is the date today", "what day is it today"),
    "repeat": ("say that again please", "can you repeat that", "please repeat that"),
    "joke": ("tell me a joke", "do you know a joke", "make me laugh"),
    "count": ("count to {to}", "please count to {to}", "count from one to {to}"),
}
"""Intents whose answers are made when asked, each with its phrases."""

TYPED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (GREETING, ("hi", "hey", "hello there", "hi there", "good afternoon", "good evening")),
    ("You are welcome.", ("thanks", "thank you so much")),
    ("Goodbye! It was nice to talk with you.", ("bye", "bye bye", "goodbye", "good night")),
    ("All right, I am quiet.", ("stop", "quiet", "be quiet")),
    ("All right.", ("yes", "no", "ok", "okay", "good", "great")),
)
"""Small talk that is understood when typed. Spoken, words so short are heard where nobody said them."""

QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The capital of France is Paris.", ("what is the capital of france",)),
    ("The capital of Japan is Tokyo.", ("what is the capital of japan",)),
    ("The capital of Brazil is Brasília.", ("what is the capital of brazil",)),
    ("There are seven continents.", ("how many continents are there",)),
    ("Eight planets go round the sun.", ("how many planets are there", "how many planets go round the sun")),
    ("Jupiter is the largest planet.", ("what is the largest planet", "which planet is the largest")),
    ("The highest mountain is Mount Everest.", ("what is the highest mountain",)),
    ("The Pacific is the largest ocean.", ("what is the largest ocean",)),
    ("A spider has eight legs.", ("how many legs does a spider have",)),
    ("The blue whale is the largest animal.", ("what is the largest animal",)),
    ("A year has twelve months.", ("how many months are in a year",)),
    (
        "Water boils at one hundred degrees Celsius.",
        ("when does water boil", "at what temperature does water boil"),
    ),
    ("Because the air scatters blue light more than red light.", ("why is the sky blue",)),
    ("Plants make sugar from light, water and air. That is photosynthesis.", ("what is photosynthesis",)),
    ("William Shakespeare wrote Romeo and Juliet.", ("who wrote romeo and juliet",)),
    ("A triangle has three sides.", ("how many sides does a triangle have",)),
    ("The Earth goes round the sun, once in a year.", ("what goes round the sun",)),
)
"""General knowledge for a classroom: answers, each with the phrases that ask for it."""

ARITHMETIC = (
    "what is {a} plus {b}",
    "what is {a} minus {b}",
    "what is {a} times {b}",
    "what is {a} divided by {b}",
    "how much is {a} plus {b}",
    "how much is {a} minus {b}",
    "how much is {a} times {b}",
    "how much is {a} divided by {b}",
)
"""Sums as they are spoken, with numbers from 0 to 100."""
