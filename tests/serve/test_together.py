"""Many clients at once, in this process."""

import anyio
import httpx
import pytest

from lga.config import BackboneConfig
from lga.serve.app import open_app
from lga.serve.settings import ServeConfig

CLIENTS = 8


@pytest.fixture
def together(folder):
    """`together(ask)` gives an application of eight clients to `ask(client, number)`, all at once; their answers."""

    def run(ask, **settings):
        found = {}

        async def one(client, number):
            found[number] = await ask(client, number)

        async def main(app):
            async with (
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client,
                anyio.create_task_group() as tasks,
            ):
                for number in range(CLIENTS):
                    tasks.start_soon(one, client, number)
            return [found[number] for number in range(CLIENTS)]

        with open_app(folder, ServeConfig(**settings), backbone=BackboneConfig(backbone="tiny")) as app:
            return anyio.run(main, app)

    return run


def test_recognition_goes_on_while_actions_are_taught_and_removed(together, clips, upload):
    async def ask(client, number):
        answers = []
        for turn in range(2):
            if number % 2:
                label = f"action {number}"
                files = upload("clips", clips["sweep left"][3])
                answers.append(await client.post(f"/actions/{label}/examples", files=files))
                assert answers[-1].status_code == 201
                answers.append(await client.delete(f"/actions/{label}"))
                assert answers[-1].status_code == 204
            else:
                answers.append(
                    await client.post(
                        "/recognize?why=true&top=20", files=upload("clip", clips["sweep left"][2 + turn % 2])
                    )
                )
                assert answers[-1].status_code == 200
                labels = [one["label"] for one in answers[-1].json()["result"]["candidates"]]
                assert {"sweep left", "sweep right"} <= set(labels)
        return answers

    assert sum(map(len, together(ask, queue=32))) == 4 * 2 * 3


def test_one_of_many_who_teach_the_same_action_wins(together):
    async def ask(client, number):
        return (await client.post("/actions", json={"label": "new action"})).status_code

    assert sorted(together(ask)) == [201] + [409] * (CLIENTS - 1)


def test_examples_from_many_clients_are_all_kept(together, clips, upload, folder):
    made = [path for label in clips for path in clips[label][2:]]

    async def ask(client, number):
        files = upload("clips", made[number % 4])
        return (await client.post("/actions/shared/examples", files=files)).json()["added"]

    assert sorted(together(ask)) == [0] * 4 + [1] * 4
    kept = list((folder / "clips").iterdir())
    assert sorted(one.read_bytes() for one in kept) == sorted(one.read_bytes() for one in made)


def test_who_comes_too_many_is_told_when_to_come_back(together, clips, upload):
    async def ask(client, number):
        return await client.post("/recognize", files=upload("clip", clips["sweep left"][3]))

    answers = together(ask, workers=1, queue=0)
    assert {one.status_code for one in answers} == {200, 503}
    for one in answers:
        if one.status_code == 503:
            assert int(one.headers["retry-after"]) >= 1
            assert "come back" in one.json()["error"]
