"""How fast `lga serve` answers, and what a thousand hostile requests do to it.

    python benchmarks/serve.py MANIFEST [--shots K] [--requests N] [--hostile N] [--seed N]

Teaches K clips of every label of a manifest (path,label) with the embedded backbone, starts the real server on them,
and asks about other clips over HTTP, first one client, then eight at once. Latency is from the first byte sent to the
last one received; the server decodes and encodes every clip anew. Then come the hostile requests, sixteen at once:
every one must be refused (4xx or 503) or hung up on, and the server must live and answer as before.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lga.datasets.manifest import read_examples
from lga.recognizer import Recognizer
from lga.store.folder import save_actions

CLIENTS, ATTACKERS, WARM_UP = 8, 16, 4
FLAGS = ("--port", "0", "--queue", "32", "--upload-seconds", "2", "--max-megabytes", "4")
HUNG_UP = 0
"""In place of a status: the server closed the line without a word, which is an answer to what is no HTTP."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server process."""

    address: str
    process: int

    def memory(self) -> int:
        """Its resident memory in MiB."""
        status = Path(f"/proc/{self.process}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Start the server and end it."""
    command = [sys.executable, "-m", "lga.cli", "serve", str(folder), *FLAGS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield Running(re.search(r"http://\S+", process.stdout.readline())[0], process.pid)
        finally:
            process.terminate()


def ask(client: httpx.Client, clip: Path, query: str) -> tuple[int, float]:
    """Ask about a clip; the status and the seconds it took."""
    data, began = clip.read_bytes(), time.perf_counter()
    answer = client.post(f"/recognize{query}", files={"clip": (clip.name, data)})
    return answer.status_code, time.perf_counter() - began


def latency(server: Running, clips: Sequence[Path], clients: int, query: str = "") -> tuple[str, ...]:
    """A row of the table: so many clients, each asking anew as soon as it is answered."""
    with httpx.Client(base_url=server.address, timeout=120) as client, ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda clip: ask(client, clip, query), clips[:WARM_UP]))
        began = time.perf_counter()
        found = list(pool.map(lambda clip: ask(client, clip, query), clips))
        took = time.perf_counter() - began
    good = [seconds for status, seconds in found if status == 200]
    middle, high = 1000 * np.percentile(good, (50, 95))
    return f"{clients}{' with reasons' if query else ''}", *map(
        str, (len(found), len(found) - len(good), round(middle), round(high), f"{len(found) / took:.1f}")
    )


def request(
    head: str, body: bytes = b"", *, host: str = "localhost", length: int | None = None, **headers: str
) -> bytes:
    """A request as bytes."""
    length = len(body) if length is None else length
    lines = [f"{head} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def form(content: bytes, name: str = "a.mp4", field: str = "clip") -> bytes:
    """A form with one file."""
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"


def attacks(random: Random, clip: bytes) -> dict[str, Callable[[], bytes]]:
    """Ways to be hostile; each gives the bytes of one request."""
    multipart = {"Content_Type": "multipart/form-data; boundary=x"}
    json = {"Content_Type": "application/json"}

    def upload(body: bytes, address: str = "/recognize", **more: str | int) -> bytes:
        return request(f"POST {address}", body, **multipart, **more)

    def spoiled() -> bytes:
        data = bytearray(clip[: random.randrange(1, len(clip) // 2)])
        for _ in range(200):
            data[random.randrange(len(data))] = random.randrange(256)
        return bytes(data)

    labels = ("", "a/b", "..", "x\\u0000", "\\u202e", "x" * 10_000)
    paths = ("../../etc/passwd", "/etc/passwd", "x\\u0000.mp4", "a" * 5000)
    places = ("/../../etc/passwd", "/page/%2e%2e%2fapp.py", "/page/..%5capp.py", "//etc/passwd", "/actions/%2e%2e/x")
    bombs = (b"[" * 60_000, b'{"label":' + b"9" * 6000 + b"}", b'{"label":1', b"\xff\xfe", b"null", b'{"a":' * 5000)
    return {
        "broken clip": lambda: upload(form(spoiled())),
        "noise as a clip": lambda: upload(form(random.randbytes(20_000))),
        "noise as an example": lambda: upload(form(random.randbytes(999), field="clips"), "/actions/new/examples"),
        "no video at all": lambda: upload(form(b"x", random.choice(("a.exe", "a", "a.mp4.txt")))),
        "hostile file name": lambda: upload(
            form(b"x", random.choice(("../../x.mp4", "C:\\x.mp4", ".mp4", "\x01.mp4")))
        ),
        "broken form": lambda: upload(form(clip)[: random.randrange(1, 300)]),
        "strange form": lambda: upload(random.choice((b"", b"--x--\r\n", b"\r\n" * 500, form(b"x", field="other")))),
        "no boundary": lambda: request("POST /recognize", form(b"x"), Content_Type="multipart/form-data"),
        "too large, said": lambda: upload(b"x" * 999, length=10 ** random.randrange(7, 22)),
        "too large, chunked": lambda: chunked(form(b"x" * 5_000_000)),
        "slow": lambda: upload(b"--x\r\n", length=9999),
        "wrong method": lambda: request(f"{random.choice(('PUT', 'TRACE', 'PATCH', 'CONNECT', 'X'))} /recognize"),
        "wrong type": lambda: request("POST /recognize", clip[:999], Content_Type="video/mp4"),
        "bad JSON": lambda: request("POST /actions", random.choice(bombs), **json),
        "bad label": lambda: request("POST /actions", b'{"label":"%s"}' % random.choice(labels).encode(), **json),
        "bad path": lambda: request("POST /recognize", b'{"path":"%s"}' % random.choice(paths).encode(), **json),
        "traversal": lambda: request(f"GET {random.choice(places)}"),
        "bad query": lambda: upload(form(clip), f"/recognize?{random.choice(('top=0', 'top=x', 'accept=2', 'why=2'))}"),
        "bad Host": lambda: request("GET /actions", host=random.choice(("evil.example", "", "a b", "localhost@evil"))),
        "bad Origin": lambda: request("POST /actions", b'{"label":"x"}', Origin="https://evil.example", **json),
        "no HTTP": lambda: random.randbytes(random.randrange(1, 2000)) + b"\r\n\r\n",
    }


def chunked(body: bytes) -> bytes:
    """An upload that does not say how large it is."""
    head = "POST /recognize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    return head.encode() + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


def attack(server: Running, data: bytes) -> int:
    """Send bytes and read what comes back; its status."""
    place = urlsplit(server.address)
    answer = b""
    with closing(socket.create_connection((place.hostname, place.port), timeout=60)) as line:
        with suppress(ConnectionError):  # the answer may be there all the same
            line.sendall(data)
        with suppress(ConnectionError):
            while part := line.recv(65536):
                answer += part
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return HUNG_UP if found is None else int(found[1])


def besiege(server: Running, clip: bytes, count: int, seed: int, console: Console) -> bool:
    """Send hostile requests and print what became of them; whether all were refused and the server lives."""
    random = Random(seed)
    ways = attacks(random, clip)
    chosen = [random.choice(tuple(ways)) for _ in range(count)]
    sent = [(name, ways[name]()) for name in chosen]
    before = server.memory()
    with ThreadPoolExecutor(ATTACKERS) as pool:
        done = pool.map(lambda one: attack(server, one[1]), sent)
        statuses = list(track(done, "hostile requests", total=count, console=console, disable=not console.is_terminal))
    by_way: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for (name, _), status in zip(sent, statuses, strict=True):
        by_way[name][status] += 1
    table = Table("hostile request", "answers: status x count")
    for name in ways:
        table.add_row(
            name, ", ".join(f"{status or 'hung up'} x {many}" for status, many in sorted(by_way[name].items()))
        )
    total = Counter(statuses)
    table.add_row("all", ", ".join(f"{status or 'hung up'} x {many}" for status, many in sorted(total.items())))
    console.print(table)
    alive = httpx.get(f"{server.address}/healthz", timeout=30).status_code == 200
    fine = alive and all(status in (HUNG_UP, 503) or 400 <= status < 500 for status in total)
    console.print(f"server alive: {alive}; all refused: {fine}; resident memory {before} -> {server.memory()} MiB")
    return fine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    for name, default in (("shots", 2), ("requests", 40), ("hostile", 1000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    console = Console(width=120 if not sys.stdout.isatty() else None)
    examples = read_examples(given.manifest)
    clips = {label: [one.path for one in examples.clips if one.label == label] for label in examples.labels}
    taught = {label: paths[: given.shots] for label, paths in clips.items()}
    others = [path for paths in clips.values() for path in paths[given.shots :]]
    asked = Random(given.seed).sample(others, given.requests)
    with TemporaryDirectory() as place:
        actions, _ = Recognizer().teach(taught)
        save_actions(actions, Path(place) / "actions")
        with running(Path(place) / "actions") as server:
            console.print(f"{len(actions.labels)} actions, {len(actions.examples)} examples, {os.cpu_count()} cores")
            table = Table("clients", "requests", "errors", "p50 ms", "p95 ms", "clips a second")
            for clients, query in ((1, ""), (CLIENTS, ""), (1, "?why=true")):
                table.add_row(*latency(server, asked, clients, query))
            console.print(table)
            fine = besiege(server, asked[0].read_bytes(), given.hostile, given.seed, console)
            console.print("afterwards:", *latency(server, asked[:10], 1)[3:5], "ms (p50, p95)")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
