import threading

import anyio
import pytest
from starlette.exceptions import HTTPException

from lga.serve.service import WorkQueue


def test_so_many_work_so_many_wait_and_the_rest_is_told_when_to_come_back():
    lane, release, running = WorkQueue(2, 1), threading.Event(), []

    def work():
        running.append(1)
        release.wait(10)

    async def one():
        with lane.admitted():
            await lane.run(work)

    async def main():
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(one)
            while len(running) < 2:
                await anyio.sleep(0.01)
            assert (lane.pending, lane.waiting, len(running)) == (3, 1, 2)
            with pytest.raises(HTTPException, match="come back") as refused, lane.admitted():
                pass
            assert refused.value.status_code == 503
            assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
            release.set()
        assert (lane.pending, lane.waiting, len(running)) == (0, 0, 3)

    anyio.run(main)


def test_a_place_is_given_back_when_the_work_fails():
    lane = WorkQueue(1, 0)

    async def main():
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), lane.admitted():
                await lane.run(lambda: 1 / 0)
        assert lane.pending == 0

    anyio.run(main)
