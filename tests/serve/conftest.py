import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from lga.cli.main import run
from lga.config import BackboneConfig
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.serve.app import open_app
from lga.serve.settings import ServeConfig
from lga.store.folder import save_actions

TINY = BackboneConfig(backbone="tiny")
WAYS = {
    "sweep right": lambda k: np.s_[:, 4 * k : 4 * k + 8],
    "sweep left": lambda k: np.s_[:, 40 - 4 * k : 48 - 4 * k],
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def clips(tmp_path_factory, write_video):
    """`clips["sweep right"][3]`: a bright bar that sweeps over the picture, four clips in four colours each way."""
    folder, made = tmp_path_factory.mktemp("clips"), {}
    for label, bar in WAYS.items():
        made[label] = []
        for colour in ((250, 230, 210), (220, 250, 230), (240, 220, 250), (200, 200, 250)):
            pictures = [np.zeros((48, 48, 3), np.uint8) for _ in range(11)]
            for number, picture in enumerate(pictures):
                picture[bar(number)] = colour
            made[label].append(write_video(folder / f"{label} {colour[0]}.mp4", pictures))
    return made


@pytest.fixture(scope="session")
def _taught(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("taught") / "actions"
    examples = {label: made[:2] for label, made in clips.items()}
    actions, _ = Recognizer(TINY, cache=FeatureCache(None)).teach(examples)
    save_actions(actions, folder)
    return folder


@pytest.fixture
def folder(_taught, tmp_path):
    """A copy of two taught actions, two examples each."""
    return Path(shutil.copytree(_taught, tmp_path / "actions"))


@pytest.fixture
def serve(folder):
    """`with serve(token=..., max_seconds=...) as client:` asks an application in this process."""

    @contextmanager
    def start(place=folder, *, token=None, **settings):
        with (
            open_app(place, ServeConfig(**settings), token=token, backbone=TINY) as app,
            TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client,
        ):
            client.service = app._app.state.service
            yield client

    return start


@pytest.fixture
def client(serve):
    with serve() as client:
        yield client


@pytest.fixture
def process(tmp_path):
    """`with process(folder, *flags) as (address, process):` runs `lga serve` for real."""

    @contextmanager
    def start(place, *flags, token=None):
        env = {**os.environ, "OMP_NUM_THREADS": "1", **({} if token is None else {"LGA_TOKEN": token})}
        command = [sys.executable, "-m", "lga.cli", "serve", str(place), "--port", "0", "--backbone", "tiny", *flags]
        log = tmp_path / "stderr.txt"
        with (
            log.open("w") as errors,
            subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=errors) as one,
        ):
            try:
                line = one.stdout.readline()
                yield re.search(r"http://\S+", line)[0], one
            finally:
                one.send_signal(signal.SIGINT)
                assert one.wait(30) in (0, -signal.SIGKILL)
        assert "Traceback" not in log.read_text()

    return start


@pytest.fixture(scope="session")
def upload():
    """`upload("clip", path, ...)` as the argument `files` of a request."""

    def form(field, *paths, name=None):
        return [(field, (name or path.name, path.read_bytes(), "video/mp4")) for path in paths]

    return form


@pytest.fixture(scope="session")
def refused():
    """`refused(answer, 422, "word")` looks whether an answer refuses in the contract's shape; gives the line."""

    def check(answer, status, word=""):
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body.keys() == {"version", "error"}
        assert body["version"] == 1
        assert word in body["error"], body["error"]
        assert "\n" not in body["error"]
        assert "/tmp" not in body["error"]
        assert answer.headers["cache-control"] == "no-store"
        return body["error"]

    return check


@pytest.fixture
def lga(tmp_path, monkeypatch):
    """`lga(*arguments)` runs a command in this process."""
    monkeypatch.setenv("LGA_CACHE", str(tmp_path.parent / f"{tmp_path.name} cache"))

    def lga(*arguments):
        assert run([str(one) for one in arguments]) == 0

    return lga
