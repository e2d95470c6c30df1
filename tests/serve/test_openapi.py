"""Requests made up from the schema: whatever is asked, the answer is one that the schema describes, and never a 5xx."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

from lga.config import BackboneConfig
from lga.serve.app import open_app
from lga.serve.settings import ServeConfig

pytestmark = pytest.mark.slow
HOST = "testserver"
"""The name under which an application in this process is asked."""
LABEL, EXAMPLES = "/actions/{label}", "/actions/{label}/examples"
EXAMPLE = f"{EXAMPLES}/{{digest}}"
WITH_BODY = [("/recognize", "POST"), ("/explain", "POST"), ("/actions", "POST"), (LABEL, "PATCH"), (EXAMPLES, "POST")]
WITHOUT = [("/healthz", "GET"), ("/settings", "GET"), ("/metrics", "GET"), ("/actions", "GET"), (LABEL, "GET")]
WITHOUT += [(LABEL, "DELETE"), (f"{EXAMPLE}/strip", "GET"), (f"{EXAMPLE}/clip", "GET"), (EXAMPLE, "DELETE")]


class Asking:
    """An application that is asked what its own schema describes; `seen` counts the answers by route and status."""

    def __init__(self, app):
        import schemathesis  # takes a while, and only these tests need it
        from schemathesis.checks import not_a_server_error
        from schemathesis.specs.openapi import checks as described

        self.schema, self.modes = schemathesis.openapi.from_asgi("/openapi.json", app), schemathesis.GenerationMode
        self.client, self.seen = TestClient(app, base_url=f"http://{HOST}"), Counter()
        self.checks = [
            not_a_server_error,
            described.status_code_conformance,
            described.content_type_conformance,
            described.response_headers_conformance,
            described.response_schema_conformance,
        ]

    def ask(self, route, count, *, wrong=False, before=lambda: None, **known):
        """Make up `count` requests to a route, as it wants them or wrong; what is `known` of them is not made up."""
        path, method = route
        mode = self.modes.NEGATIVE if wrong else self.modes.POSITIVE

        @settings(
            max_examples=count,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(self.schema[path][method].as_strategy(generation_mode=mode, **known))
        def one(case):
            before()
            answer = case.call()
            self.seen[method, path, answer.status_code] += 1
            case.validate_response(answer, checks=self.checks)

        one()

    def statuses(self, route):
        """The statuses that a route has answered with."""
        return {status for method, path, status in self.seen if (path, method) == route}


@pytest.fixture
def asking(folder, clips):
    """`asking(folder)` asks a server whose root is a folder of clips."""
    root = clips["sweep left"][0].parent
    config = ServeConfig(allowed_hosts=(HOST,), root=root)
    with open_app(folder, config, backbone=BackboneConfig(backbone="tiny")) as app:
        yield Asking(app)


def test_whatever_is_made_up_has_an_answer_that_is_described(asking):
    for route in WITHOUT:
        asking.ask(route, 100)
    for route in WITH_BODY:
        asking.ask(route, 25 if route == (EXAMPLES, "POST") else 100)
        asking.ask(route, 250, wrong=True)
    assert asking.seen.total() >= 2000
    assert all(asking.statuses(route) for route in WITH_BODY + WITHOUT)


def test_what_is_taught_can_be_asked_for_and_changed_in_any_way(asking, clips, upload):
    clip = clips["sweep left"][0]
    digest = asking.client.get(LABEL.format(label="sweep left")).json()["action"]["examples"][0]["digest"]
    example = {"label": "sweep left", "digest": digest}
    path = {"body": {"path": clip.name}, "media_type": "application/json"}

    def teach():
        asking.client.post("/actions", json={"label": "sweep left"})

    def add():
        asking.client.post(EXAMPLES.format(**example), files=upload("clips", clip))

    asking.ask(("/recognize", "POST"), 80, **path)
    asking.ask(("/explain", "POST"), 25, **path)
    asking.ask((f"{EXAMPLE}/strip", "GET"), 1, path_parameters=example)
    asking.ask((f"{EXAMPLE}/clip", "GET"), 1, path_parameters=example)
    asking.ask((EXAMPLES, "POST"), 20, path_parameters=example)
    asking.ask((EXAMPLE, "DELETE"), 1, before=add, path_parameters=example)
    asking.ask((LABEL, "PATCH"), 80, before=teach, path_parameters={"label": "sweep left"})
    asking.ask((LABEL, "DELETE"), 1, before=teach, path_parameters={"label": "sweep left"})
    assert asking.statuses(("/recognize", "POST")) == asking.statuses(("/explain", "POST")) == {200}
    assert asking.statuses((LABEL, "PATCH")) >= {200, 409, 422}
    assert asking.statuses((LABEL, "DELETE")) == asking.statuses((EXAMPLE, "DELETE")) == {204}
