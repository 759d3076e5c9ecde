"""The table of the floor."""

from livewidget import events
from livewidget.events import ActivityStart, Interrupted, OutputAudio, SessionEnded, TurnComplete
from livewidget.turns import FLOOR, Floor, diagram
from livewidget.turns.floor import FloorState


def next_floor(floor: Floor, event: events.Event) -> Floor:
    state = FloorState()
    state.floor = floor
    state.step(event)
    return state.floor


def test_every_floor_has_a_row_and_every_row_names_events():
    assert set(FLOOR) == set(Floor)
    known = set(events.Event.__subclasses__())
    for row in FLOOR.values():
        assert set(row) <= known


def test_every_floor_can_be_left_and_the_end_of_the_session_leaves_all():
    for floor in Floor:
        assert next_floor(floor, SessionEnded()) is Floor.LISTENING


def test_an_event_absent_from_a_row_leaves_the_floor_as_it_is():
    assert next_floor(Floor.LISTENING, Interrupted()) is Floor.LISTENING
    assert next_floor(Floor.TOOL, TurnComplete()) is Floor.TOOL
    assert next_floor(Floor.USER, ActivityStart()) is Floor.USER


def test_the_table_decides():
    assert next_floor(Floor.LISTENING, ActivityStart()) is Floor.USER
    assert next_floor(Floor.THINKING, OutputAudio(data=b"")) is Floor.MODEL


def test_the_diagram_has_one_arrow_for_each_pair_of_floors():
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    pairs = {(floor, target) for floor, row in FLOOR.items() for target in row.values()}
    assert len(lines) == 2 + len(pairs)
    assert "    MODEL --> LISTENING: Interrupted, TurnComplete, ConnectionReplaced, SessionEnded" in lines
