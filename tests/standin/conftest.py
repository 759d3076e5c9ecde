import asyncio

import pytest

from tests.standin.puppets import Bench


@pytest.fixture
async def bench():
    """Makes benches; afterwards nothing of them may be left."""
    made = []

    def make(*texts, **options):
        made.append(Bench(*texts, **options))
        return made[-1]

    yield make
    for one in made:
        for client in one.clients:
            await client.transport.close()
        assert one.ears.open == 0
        assert one.voice.running == 0
    left = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("stand-in")}
    assert not left
