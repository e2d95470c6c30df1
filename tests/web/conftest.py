"""A real browser in front of a real `lga serve`, on rendered clips."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lga.synthetic.render import render_clip, write_clip

SEEDS = {"wave": (1, 2, 3), "jump": (1, 2, 3), "drink from cup": (7,)}
CHROMIUM = Path(os.environ.get("LGA_CHROMIUM", "/usr/bin/chromium"))
FLAGS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
WATCH = "addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI))"

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: 'video/mp4' }));
  }
  return data;
}"""


@dataclass
class Server:
    """A running server."""

    address: str

    def ask(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, {"Content-Type": "application/json"} if data else {}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"{}")


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> dict[str, list[Path]]:
    """Rendered clips of each action."""
    folder = tmp_path_factory.mktemp("clips")
    found: dict[str, list[Path]] = {}
    for label, seeds in SEEDS.items():
        found[label] = [folder / f"{label.replace(' ', '_')}_{seed}.mp4" for seed in seeds]
        for seed, path in zip(seeds, found[label], strict=True):
            write_clip(render_clip(label, seed=seed), path)
    return found


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def serve(browser, cache) -> Callable:
    """`with serve(folder, *flags) as server:` runs `lga serve` in a process of its own."""

    @contextmanager
    def serve(folder: Path, *flags: str):
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "lga.cli", "serve", str(folder), "--port", str(port), *flags]
        env = {**os.environ, "LGA_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        log = folder.with_name(folder.name + ".log")
        with (
            log.open("w") as out,
            subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT) as process,
        ):
            try:
                _wait(process, port, log)
                yield Server(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()
        assert "Traceback" not in log.read_text()

    return serve


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")
    if not CHROMIUM.exists():
        pytest.skip(f"no chromium at {CHROMIUM}; name one with LGA_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """What a browser did besides what was asked of it."""

    strays: list[str] = field(default_factory=list)
    """requests that left the server whose page made them"""
    complaints: list[str] = field(default_factory=list)
    allowed: str = r"(?!)"
    """complaints that a test causes on purpose"""


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def visit(browser, watched, tmp_path):
    """`visit(server, **options)` opens the page; afterwards nothing may have left the origin or been complained of."""
    opened = []

    def visit(server: Server, *, ready: bool = True, **options):
        context = browser.new_context(accept_downloads=True, **options)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(30_000)
        own = (server.address + "/", "blob:" + server.address, "data:")
        page.on("request", lambda asked: asked.url.startswith(own) or watched.strays.append(asked.url))
        page.on("console", lambda told: told.type == "error" and watched.complaints.append(told.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("dialog", lambda box: (watched.complaints.append(f"dialog {box.message}"), box.dismiss()))
        opened.append(context)
        page.goto(server.address)
        if ready:
            page.locator("body[data-ready]").wait_for()
        return page

    yield visit
    for context in opened:
        context.close()
    assert watched.strays == []
    assert [told for told in watched.complaints if not re.search(watched.allowed, told)] == []


@pytest.fixture(scope="session")
def taught(browser, clips, tmp_path_factory) -> Callable[[], Path]:
    """`taught()` gives a folder of two taught actions that a test may spoil."""
    folder = tmp_path_factory.mktemp("taught")
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "LGA_CACHE": str(folder / "cache")}
    for label in ("wave", "jump"):
        (folder / "clips" / label).mkdir(parents=True)
        for path in clips[label][:2]:
            shutil.copy(path, folder / "clips" / label)
    command = [sys.executable, "-m", "lga.cli", "teach", str(folder / "clips"), "--out", str(folder / "actions")]
    subprocess.run([*command, "--backbone", "tiny"], env=env, check=True, capture_output=True, timeout=120)
    copies = iter(range(100))
    return lambda: Path(shutil.copytree(folder / "actions", folder / f"copy_{next(copies)}"))


@pytest.fixture(scope="session")
def drop() -> Callable:
    """`drop(target, *files)` drops files as a mouse would, with a DataTransfer of their content."""

    def drop(target, *files: Path) -> None:
        content = [[file.name, b64encode(file.read_bytes()).decode()] for file in files]
        data = target.page.evaluate_handle(DROP, content)
        for kind in ("dragenter", "dragover", "drop"):
            target.dispatch_event(kind, {"dataTransfer": data})

    return drop
