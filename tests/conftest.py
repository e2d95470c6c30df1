import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import settings

os.environ["LGA_POSE"] = os.devnull  # no networks that find a body, whatever this machine holds: of motion, flow alone
os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported: the workers share the cores, and so do processes
settings.register_profile("busy", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("busy")


def _module(name: str) -> ModuleType:
    """A module of helpers that lies beside this file; pytest's import mode puts no folder of tests on the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def _no_lines_of_progress():
    """A busy machine is slow: what a command prints must not depend on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lga.progress.EVERY", 3600.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _another_machine():
    """With LGA_TEST_BFLOAT16=1 the processor multiplies bfloat16 natively, so that `auto` takes it; LGA_TEST_THREADS
    is how many threads torch has, here and in the processes that tests start."""
    threads = os.environ.get("LGA_TEST_THREADS")
    with pytest.MonkeyPatch.context() as patch:
        if threads is not None:
            torch.set_num_threads(int(threads))
            patch.setenv("OMP_NUM_THREADS", threads)
        if os.environ.get("LGA_TEST_BFLOAT16") == "1":
            patch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
        yield


@pytest.fixture(scope="session")
def video_files() -> ModuleType:
    """The module that renders test videos: `numbered`, `number_of`, `write_video` and others."""
    return _module("video_files")


@pytest.fixture(scope="session")
def taught() -> ModuleType:
    """The module that makes up taught actions: `make`, `same`, `added`, `with_head`, `write_format1`."""
    return _module("taught")


@pytest.fixture(scope="session")
def random_datasets() -> ModuleType:
    """The module that makes up datasets: `random_dataset`, `random_loaded`, `random_tasks`."""
    return _module("random_datasets")


@pytest.fixture(scope="session")
def random_clips() -> ModuleType:
    """The module that writes folders of random CLIPs: `write_random`."""
    return _module("random_clips")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """`model_folder(kind)`: the folder of a tiny random model of this kind, written once for all tests."""
    write, place, known = _module("model_folders").WRITERS, tmp_path_factory.mktemp("models"), {}

    def folder(kind):
        if kind not in known:
            known[kind] = place / kind
            known[kind].mkdir()
            write[kind](known[kind])
        return known[kind]

    return folder


@pytest.fixture(scope="session")
def make_dataset(random_datasets):
    """`make_dataset(seed, *, space, clips=41, classes=7, frames=5)`: clips without any structure."""
    return random_datasets.random_dataset


@pytest.fixture(scope="session")
def make_tasks(random_datasets):
    """`make_tasks(dataset, seed, *, episodes=11, way=3, shots=2, queries=2)`: episodes among its clips."""
    return random_datasets.random_tasks


@pytest.fixture(scope="session")
def load(random_datasets):
    """`load(method, seed=0, each=6, classes=7, first=0)`: a loaded dataset, as the settings want it."""
    return random_datasets.random_loaded


@pytest.fixture(scope="session", params=["split", "joint"])
def space(request, random_datasets):
    """The layout of a backbone whose sight and text are apart, and of one that has a single space."""
    return {"split": random_datasets.SPLIT, "joint": random_datasets.JOINT}[request.param]


@pytest.fixture(scope="session")
def write_video(video_files):
    """`write_video(path, frames, fps=10, *, times=None, rotation=None, ...) -> path`."""
    return video_files.write_video


@pytest.fixture(scope="session")
def draw_clip():
    """`draw_clip(label, seed, path)` writes a rendered clip of 10 frames a second instead of 25: drawing takes seconds.

    The same clip is drawn once for all tests.
    """
    from lga.synthetic import render  # not above: pytest reads this file before it checks the shapes of what it imports

    drawn: dict[tuple[str, int], bytes] = {}

    def draw_clip(label: str, seed: int, path: Path) -> None:
        if (label, seed) in drawn:
            path.write_bytes(drawn[label, seed])
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(render, "FPS", 10.0)
            render.write_clip(render.render_clip(label, seed=seed), path)
        drawn[label, seed] = path.read_bytes()

    return draw_clip


@pytest.fixture(scope="module")
def one_thread():
    """Tensors of a few numbers are many times faster on one thread, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data that is not part of the repository."""
    folder = Path(os.environ.get("LGA_SHARED", Path(__file__).parents[1] / ".." / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}; name one with LGA_SHARED")
    return folder


@pytest.fixture
def asked(monkeypatch):
    """What the system is asked for, in order: ("sync", NAME), ("rename", TO), ("remove", NAME); folders end in /.

    Files that have their name only for a while are called `part`.
    """
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("which file is synced is asked of /proc")
    calls: list[tuple[str, str]] = []
    sync, replace, rename, unlink = os.fsync, Path.replace, Path.rename, Path.unlink

    def name_of(path: Path) -> str:
        shown = path.name if not path.name.startswith(".") else "part"
        return f"{shown}/" if path.is_dir() else shown

    def record_sync(handle):
        calls.append(("sync", name_of(Path(os.readlink(f"/proc/self/fd/{handle}")))))
        sync(handle)

    def record_rename(really):
        def act(self, target):
            calls.append(("rename", target.name))
            return really(self, target)

        return act

    def record_remove(self, missing_ok=False):
        if self.exists():
            calls.append(("remove", name_of(self)))
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_rename(replace))
    monkeypatch.setattr(Path, "rename", record_rename(rename))
    monkeypatch.setattr(Path, "unlink", record_remove)
    return calls
