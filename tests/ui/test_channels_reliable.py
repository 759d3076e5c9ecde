from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.ui.channels import ReliableReceiver, ReliableSender


def test_a_number_already_seen_is_dropped_and_counted():
    inbox = ReliableReceiver()
    assert inbox.receive(1, "a") == ["a"]
    assert inbox.receive(1, "a") == []
    assert inbox.repeated == 1


def test_a_hole_holds_what_follows_until_it_is_filled_or_given_up():
    inbox = ReliableReceiver()
    assert inbox.receive(2, "b") == []
    assert inbox.receive(3, "c") == []
    assert inbox.hole
    assert inbox.receive(1, "a") == ["a", "b", "c"]
    assert inbox.receive(6, "f") == []
    assert inbox.skip() == ["f"]
    assert inbox.last == 6


def test_a_number_far_ahead_is_not_kept():
    inbox = ReliableReceiver(capacity=4)
    assert inbox.receive(10**9, "x") == []
    assert not inbox.hole


def test_as_many_as_the_capacity_are_kept_before_a_hole_and_not_one_more():
    inbox = ReliableReceiver(capacity=4)
    assert inbox.receive(5, "e") == []
    assert not inbox.hole
    for seq, letter in ((4, "d"), (3, "c"), (2, "b")):
        assert inbox.receive(seq, letter) == []
    assert inbox.receive(1, "a") == ["a", "b", "c", "d"]


def test_as_many_as_the_capacity_wait_without_an_overflow_and_not_one_more():
    outbox = ReliableSender(capacity=3)
    for letter in "abc":
        outbox.add(letter, 0)
    assert not outbox.overflowed
    assert outbox.after(0) == [(1, "a"), (2, "b"), (3, "c")]
    outbox.add("d", 0)
    assert outbox.overflowed
    assert outbox.after(0) == [(2, "b"), (3, "c"), (4, "d")]


def test_only_silence_makes_the_outbox_repeat():
    outbox = ReliableSender(stall_ms=2000)
    outbox.add("a", 0)
    outbox.add("b", 100)
    assert outbox.stalled(1999) == []
    outbox.acknowledge(1, 1500)
    assert outbox.stalled(3000) == []
    assert outbox.stalled(3500) == [(2, "b")]
    assert outbox.stalled(3600) == []
    outbox.acknowledge(2, 3700)
    assert outbox.stalled(99_999) == []


def test_a_slow_way_is_not_filled_with_copies():
    """What arrives late is progress, and no reason to repeat the rest sooner."""
    outbox = ReliableSender(stall_ms=2000)
    for number in range(10):
        outbox.add(number, 0)
    copies = 0
    for now in range(0, 30_000, 250):
        if now % 3000 == 2750:  # one message gets through each three seconds
            outbox.acknowledge(outbox.acked + 1, now)
        copies += len(outbox.stalled(now))
    assert copies == 10
    outbox.acknowledge(10, 30_000)
    outbox.add("fast again", 30_000)
    assert outbox.stalled(32_000) == [(11, "fast again")]


def test_an_acknowledgement_of_what_was_never_sent_changes_nothing():
    outbox = ReliableSender()
    outbox.add("a", 0)
    outbox.acknowledge(5, 0)
    assert len(outbox) == 1


def test_too_many_waiting_overflow_until_the_other_side_catches_up():
    outbox = ReliableSender(capacity=3)
    for letter in "abcde":
        outbox.add(letter, 0)
    assert outbox.overflowed
    assert outbox.oldest == 3
    outbox.acknowledge(2, 0)
    assert not outbox.overflowed
    assert outbox.after(0) == [(3, "c"), (4, "d"), (5, "e")]


FATES = st.lists(st.sampled_from(["pass", "lose", "twice", "late"]), max_size=400)


@settings(max_examples=200)
@given(st.integers(1, 60), FATES, FATES)
def test_each_message_arrives_once_and_in_order(count, there, back):
    """A link that loses, repeats and reorders: acknowledgements suffer the same."""
    there, back = iter(there), iter(back)
    outbox, inbox = ReliableSender(stall_ms=2000), ReliableReceiver()
    now, arrived = 0.0, []
    late = []

    def carry(seq, message):
        fate = next(there, "pass")
        if fate == "late":
            late.append((seq, message))
        for _ in range({"pass": 1, "lose": 0, "twice": 2, "late": 0}[fate]):
            arrived.extend(inbox.receive(seq, message))

    for number in range(count):
        carry(outbox.add(number, now), number)
        now += 40
    for _ in range(1000):
        if not len(outbox):
            break
        now += 500
        while late:
            arrived.extend(inbox.receive(*late.pop()))
        if next(back, "pass") != "lose":
            outbox.acknowledge(inbox.last, now)
        for seq, message in outbox.stalled(now):
            carry(seq, message)
    assert arrived == list(range(count))


def test_without_the_bookkeeping_a_repeated_message_acts_twice():
    """Negative control: the link above really repeats and reorders."""
    link = [1, 3, 2, 2, 3]
    naive, inbox = list(link), ReliableReceiver()
    ordered = [message for seq in link for message in inbox.receive(seq, seq)]
    assert ordered == [1, 2, 3]
    assert naive != ordered
