"""Who may ask, how much and how fast."""

import anyio
import httpx
import pytest

from lga.serve import guard
from lga.serve.app import open_app
from lga.serve.settings import ServeConfig

TOKEN = "correct horse battery"
SENT = {"json": {"label": "new"}}


@pytest.mark.parametrize(
    ("bound", "host", "fine"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LOCALHOST:8000", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "evil@localhost", False),
        ("127.0.0.1", "192.168.0.7", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "my.proxy:443", True),
        ("0.0.0.0", "192.168.0.7:8000", True),
        ("0.0.0.0", "evil.example", False),
        ("192.168.0.7", "192.168.0.7:8000", True),
        ("192.168.0.7", "127.0.0.1", False),
        ("box.local", "box.local:8000", True),
        ("box.local", "evil.example", False),
    ],
)
def test_only_its_own_names_are_answered_to(serve, refused, bound, host, fine):
    with serve(host=bound, token=TOKEN, allowed_hosts=("My.Proxy",)) as client:
        answer = client.get("/healthz", headers={"Host": host})
        assert answer.status_code == 200 if fine else refused(answer, 421, "is not")


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "http://localhost:8000"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, True),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_page_from_elsewhere_changes_nothing(client, refused, method, headers, fine):
    address, options = ("/actions", SENT) if method == "POST" else ("/actions/sweep left", {})
    if method == "PATCH":
        options = {"json": {}}
    answer = client.request(method, address, headers=headers, **options)
    assert answer.status_code in (200, 201, 204) if fine else refused(answer, 403, "elsewhere")
    assert client.get("/actions", headers=headers).status_code == 200


def test_behind_a_proxy_the_usual_port_need_not_be_said(serve, refused):
    with serve(allowed_hosts=("lga.example",)) as client:
        origins = {"https://lga.example": 404, "https://lga.example:443": 404, "https://lga.example:8443": 403}
        for origin, status in origins.items():
            refused(client.delete("/actions/gone", headers={"Host": "lga.example", "Origin": origin}), status)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer é",
    ],
)
def test_without_the_token_only_the_page_is_shown(serve, refused, given):
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    with serve(token=TOKEN) as client:
        for address in ("/actions", "/metrics", "/openapi.json", "/gone", "/recognize"):
            answer = client.get(address, headers=headers)
            refused(answer, 401, "Bearer")
            assert answer.headers["www-authenticate"] == "Bearer"
        for address in ("/healthz", "/settings", "/", "/page/app.js"):
            assert client.get(address, headers=headers).status_code == 200
        assert client.get("/settings").json()["token_needed"]
        assert client.get("/actions", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("said", [True, False], ids=["length said", "chunked"])
def test_a_body_that_is_too_large_is_refused(serve, refused, said):
    with serve(max_megabytes=1) as client:
        content = b"x" * 1_100_000
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        start = b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
        body = start + content if said else (part for part in (start, content, b"more"))
        refused(client.post("/recognize", content=body, headers=headers), 413, "at most 1000000 bytes")
        assert not list(client.service.uploads.iterdir())
        body = b'{"label": "' + content + b'"}'
        answer = client.post(
            "/actions", content=body if said else iter([body]), headers={"Content-Type": "application/json"}
        )
        refused(answer, 413, "at most 65536 bytes")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣", "9" * 30])
def test_an_odd_length_is_refused(client, length):
    scope = {"type": "http", "method": "POST", "path": "/actions", "query_string": b"", "headers": []}
    scope["headers"] = [(b"host", b"localhost"), (b"content-length", length.encode())]
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    anyio.run(client.app, scope, receive, send)
    assert sent[0]["status"] in (400, 413)


@pytest.mark.parametrize("settings", [{"upload_seconds": 0.2}, {"upload_rate": 1_000_000_000}])
def test_an_upload_that_is_too_slow_is_refused(folder, refused, monkeypatch, settings):
    monkeypatch.setattr(guard, "GRACE", 0.2)

    async def drip():
        yield b"--x\r\n"
        await anyio.sleep(0.5)
        yield b"--x--\r\n"

    async def ask(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            return await client.post("/recognize", content=drip(), headers=headers)

    with open_app(folder, ServeConfig(**settings)) as app:
        refused(anyio.run(ask, app), 408, "too slow")
