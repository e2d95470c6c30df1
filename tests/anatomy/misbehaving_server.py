"""An OpenAI-compatible server on this machine that misbehaves as it is told."""

import gzip
import json
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

STAGES = [
    {"subject": "a person", "motion": motion, "object": thing, "sentence": sentence}
    for motion, thing, sentence in (
        ("raises", "a red cup", "A person raises a red cup in front of the chest with both hands."),
        ("tosses", "the cup", "A person tosses the cup upward and opens both palms wide."),
        ("catches", "the falling cup", "A person catches the falling cup with one fist near the hip."),
        ("lowers", "the cup", "A person lowers the cup onto a wooden table beside a window."),
        ("leaves", "the table", "A person steps back and leaves the table, arms hanging loose."),
    )
]
STATUS = {
    "400": (400, "this question is not for me"),
    "401": (401, "Incorrect API key provided: very-secret-key"),
    "402": (402, "pay first"),
    "404": (404, "The model does not exist"),
    "429": (429, "too many"),
    "429 after": (429, "too many"),
    "429 date": (429, "too many"),
    "429 nonsense": (429, "too many"),
    "429 quota": (429, '{"error": {"code": "insufficient_quota"}}'),
    "500": (500, "<html>oh no"),
    "503": (503, ""),
    "405": (405, "<h1>Method Not Allowed</h1>"),
    "200 error": (200, '{"error": {"message": "the model ran out of memory", "code": 500}}'),
    "200 detail": (200, '{"detail": "the model ran out of memory"}'),
    "200 page": (200, "<!DOCTYPE html><html><title>Log in</title><body>Please sign in first</body></html>"),
}
HEADERS = {
    "429 after": {"Retry-After": "0"},
    "429 date": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
    "429 nonsense": {"Retry-After": "soon"},
}
REJECTED = ("wrong schema", "one stage", "twice", "refused", "refusal field", "cut off", "no text", "no object", "idle")
BROKEN = ("429", "429 after", "429 date", "500", "503", "half", "reset", "empty", "huge", "bytes", "html", "no choices")
TOLERATED = ("fine", "prose", "fence", "commas", "bare list", "thought", "text/plain", "extra keys")


class MisbehavingServer:
    """Serves until the block ends; `plan(label, count)` says how the count-th question about a label is answered.

    `no_format` is how a form of the reply is refused that is not among `formats`, status and words; `no_system` how
    instructions in a turn of their own are, None if they are taken.
    With `by_question(label, again)` the answer depends on the question alone; `again` follows a rejected reply.
    """

    def __init__(
        self,
        plan=lambda label, count: "fine",
        *,
        by_question=None,
        formats=("json_schema", "json_object", "text"),
        no_format=(400, "response_format {} is unknown"),
        no_system=None,
    ):
        self.no_format, self.no_system = no_format, no_system
        self.plan, self.by_question, self.formats = plan, by_question, formats
        self.questions = Counter()
        self.asked = Counter()
        self.answered = Counter()
        self.bodies, self.keys, self.times = [], [], []
        self.most_at_once = self._at_once = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                with suppress(OSError):
                    owner.serve(self)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, *_):
                pass

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._http.shutdown()
        self._http.server_close()

    def serve(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        [*_, last] = [each for each in body["messages"] if each["role"] == "user" and '"action"' in each["content"]]
        label = json.loads(last["content"])["action"]
        again = '"problem"' in body["messages"][-1]["content"]
        with self._lock:
            self.questions[label, again] += 1
            self.asked[label] += 1
            count = self.asked[label]
            self.bodies.append(body)
            self.keys.append(handler.headers["Authorization"])
            self.times.append(time.monotonic())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            wished = body.get("response_format", {}).get("type", "text")
            if self.no_system is not None and body["messages"][0]["role"] == "system":
                send(handler, *self.no_system)
            elif wished not in self.formats:
                status, said = self.no_format
                send(handler, status, json.dumps({"error": {"message": said.format(wished)}}))
            else:
                how = self.by_question(label, again) if self.by_question else self.plan(label, count)
                self.behave(handler, how, label, json.loads(last["content"])["stages"])
        finally:
            with self._lock:
                self._at_once -= 1

    def behave(self, handler, how, label, stages):
        if how in STATUS:
            send(handler, *STATUS[how], HEADERS.get(how, {}))
        elif how in BREAKS:
            BREAKS[how](handler)
        else:
            if how.startswith("late"):
                time.sleep(0.05)
            message, finish = write(how.removeprefix("late "), stages)
            usage = {"prompt_tokens": crc32(label.encode()) % 1000, "completion_tokens": 7}
            completion = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
            kind = "text/plain" if how == "text/plain" else "application/json"
            send(handler, 200, json.dumps(completion), {"Content-Type": kind})
            with self._lock:
                self.answered[label] += 1


def write(how, stages):
    """The model's message and why it ended."""
    count = 2 if stages == "auto" else stages
    listed = STAGES[:count]
    whole = json.dumps({"reason": "because", "stages": listed} if stages == "auto" else {"stages": listed})
    texts = {
        "prose": f"Sure! As in [1], here it is:\n{whole}\nI hope this helps {{you}}.",
        "fence": f"Here:\n```json\n{whole}\n```\nDone.",
        "commas": whole.replace('"}]}', '",},],}'),
        "bare list": json.dumps(listed),
        "thought": f"<think>First {{the}} can...</think>{whole}",
        "extra keys": json.dumps({"stages": [{"number": 1, **one} for one in listed]}),
        "wrong schema": json.dumps({"answer": 42}),
        "one stage": json.dumps({"stages": listed[:1] if count > 1 else listed * 2}),
        "twice": whole.replace('"motion"', '"subject"', 1),
        "refused": "I am sorry, but I cannot help with that.",
        "cut off": whole[:-20],
        "cut by limit": whole,
        "no text": "",
        "no object": json.dumps({"stages": [{**one, "object": None} for one in listed]}),
        "idle": json.dumps({"stages": [{**one, "sentence": "A person wants it."} for one in listed]}),
    }
    if how == "parts":
        parts = [
            {"type": "thinking", "thinking": [{"type": "text", "text": "{draft}"}]},
            {"type": "text", "text": whole[:9]},
        ]
        return {"content": [*parts, {"type": "text", "text": whole[9:]}]}, "stop"
    if how == "in its reasoning":
        return {"content": None, "reasoning_content": f"First I think {{so}}. {whole}"}, "stop"
    if how == "spent on thinking":
        return {"content": "", "reasoning_content": f"First I think {whole}"}, "length"
    if how == "refusal field":
        return {"content": None, "refusal": "I cannot help with that."}, "stop"
    return {"content": texts.get(how, whole)}, "length" if how == "cut by limit" else "stop"


def send(handler, status, text, headers=None):
    data = text if isinstance(text, bytes) else text.encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def half(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def huge(handler, status=200):
    handler.send_response(status)
    handler.end_headers()
    handler.close_connection = True
    for _ in range(200):
        handler.wfile.write(b"x" * 100_000)


def drip(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    for _ in range(200):
        handler.wfile.write(b" ")
        time.sleep(0.02)


BREAKS = {
    "half": half,
    "reset": reset,
    "huge": huge,
    "huge error": lambda handler: huge(handler, 500),
    "drip": drip,
    "slow": lambda handler: time.sleep(2),
    "empty": lambda handler: send(handler, 200, ""),
    "bytes": lambda handler: send(handler, 200, b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "html": lambda handler: send(handler, 200, "<html>welcome", {"Content-Type": "text/html"}),
    "no choices": lambda handler: send(handler, 200, '{"choices": []}'),
    "not ours": lambda handler: send(handler, 200, '{"hello": "world"}'),
    "packed": lambda handler: send(handler, 200, gzip.compress(b" " * 9_000_000), {"Content-Encoding": "gzip"}),
    "moved": lambda handler: send(handler, 307, "", {"Location": "http://127.0.0.1:9/v1/chat/completions"}),
}
