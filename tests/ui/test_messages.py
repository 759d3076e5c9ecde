import contextlib
import copy
import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.ui.messages import FROM_KERNEL, FROM_PAGE, BridgeMessageError, decode, encode

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "fixtures" / "bridge.json").read_text())
EXAMPLES = [(message, FROM_PAGE) for message in GOLDEN["page_to_kernel"]] + [
    (message, FROM_KERNEL) for message in GOLDEN["kernel_to_page"]
]


@pytest.mark.parametrize(("message", "kinds"), EXAMPLES)
def test_every_golden_message_reads_and_writes_as_itself(message, kinds):
    assert json.loads(json.dumps(encode(decode(message, kinds)))) == message


def test_the_golden_file_has_every_kind():
    for side, kinds in (("page_to_kernel", FROM_PAGE), ("kernel_to_page", FROM_KERNEL)):
        assert {(message["lane"], message["kind"]) for message in GOLDEN[side]} == set(kinds)


@pytest.mark.parametrize("message", GOLDEN["page_to_kernel"], ids=lambda value: value["kind"])
def test_every_field_of_the_page_is_checked(message):
    for field in message["body"]:
        wrong = copy.deepcopy(message)
        wrong["body"][field] = {"no": "such type"}
        with pytest.raises(BridgeMessageError):
            decode(wrong)


@pytest.mark.parametrize(
    "content",
    [
        None,
        7,
        "hello",
        [],
        {},
        {"lane": "control", "epoch": 0, "seq": 1, "ack": 0, "kind": "hello"},
        {"lane": "control", "epoch": 0, "seq": 0, "ack": 0, "kind": "stop", "body": {}},
        {"lane": "control", "epoch": -1, "seq": 1, "ack": 0, "kind": "stop", "body": {}},
        {"lane": "nowhere", "epoch": 0, "seq": 1, "ack": 0, "kind": "stop", "body": {}},
        {"lane": "control", "epoch": 0, "seq": 1, "ack": 0, "kind": "welcome", "body": {}},
        {"lane": "control", "epoch": 0, "seq": True, "ack": 0, "kind": "stop", "body": {}},
    ],
)
def test_what_is_no_message_is_refused_without_repeating_it(content):
    with pytest.raises(BridgeMessageError) as caught:
        decode(content)
    assert "such type" not in str(caught.value)


def test_fields_of_a_later_version_are_let_pass():
    message = copy.deepcopy(GOLDEN["page_to_kernel"][0])
    message["body"]["new"] = 1
    message["more"] = 2
    assert decode(message).message.client == "9f1c2a"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JUNK, st.sampled_from(sorted(FROM_PAGE)))
def test_junk_never_gets_further_than_its_refusal(junk, place):
    lane, kind = place
    for content in (junk, {"lane": lane, "kind": kind, "epoch": 0, "seq": 1, "ack": 0, "body": junk}):
        with contextlib.suppress(BridgeMessageError):
            decode(content)
