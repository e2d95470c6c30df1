"""Turns every error into an answer of one shape."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from lga.errors import LGAError
from lga.serve.schema import Failure

LOG = logging.getLogger("uvicorn.error")
USUAL = {
    404: "nothing is at this address; GET /openapi.json lists what is",
    405: "this address does not know that method; GET /openapi.json lists what it knows",
}
REFUSALS = {
    400: "The request cannot be read",
    401: "The token is missing or wrong",
    403: "A page from elsewhere asks, or a clip is named by its path where none are taken",
    404: "There is no such action, example or clip",
    408: "The body comes too slowly",
    409: "It does not go with what is taught, or there is too much of that",
    413: "The body is too large",
    415: "The body is of another kind",
    421: "The request is meant for another server",
    422: "The request asks for something that cannot be done",
    500: "The server cannot do that now, or has made a mistake; its log says more",
    503: "Too much is being done; come back later",
}
"""What the schema says of every status of a `Failure`."""
ANYWHERE = (400, 401, 403, 408, 413, 421, 422, 500, 503)
"""The statuses with which any route may refuse."""


def refusals(*statuses: int) -> dict[int | str, dict[str, object]]:
    """How the schema describes the answers of these statuses."""
    return {status: {"model": Failure, "description": REFUSALS[status]} for status in statuses}


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that refuses, in one line."""
    return JSONResponse(Failure(error=" ".join(message.split())).model_dump(), status, headers)


async def refused(request: Request, error: HTTPException) -> Response:
    """A refusal by this server, or by the framework, whose bare messages are replaced."""
    plain = error.detail in ("Not Found", "Method Not Allowed")
    message = USUAL[error.status_code] if plain else error.detail
    allowed = _allowed(request) if error.status_code == 405 else ""
    return failure(error.status_code, message, {"Allow": allowed} if allowed else error.headers)


def _allowed(request: Request) -> str:
    """The methods of all routes at an address; the framework names those of the first one."""
    routes = [one for one in (*request.app.state.routes, *request.app.routes) if isinstance(one, Route)]
    here = [route for route in routes if route.matches(request.scope)[0] != Match.NONE]
    return ", ".join(sorted({method for route in here for method in route.methods or ()}))


async def invalid(_: Request, error: RequestValidationError) -> Response:
    """A request that does not fit the schema; only its first mistake is named."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"])
    return failure(422, f"{where}: {first['msg']}"[:300])


async def unusable(_: Request, error: LGAError) -> Response:
    """An error of the package; a plain `LGAError` comes from this machine (a full disk), and only the log says more."""
    if type(error) is LGAError:
        LOG.error("%s", error)
        return failure(500, "the server cannot do that now; its log says why")
    return failure(422, str(error))


async def disconnected(_: Request, __: Exception) -> Response:
    """The client has closed the connection, so nobody reads this."""
    return failure(400, "the request breaks off")


async def fault(_: Request, __: Exception) -> Response:
    """A bug in this program; the traceback is written to the log."""
    return failure(500, "this server made a mistake; its log says which")


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    HTTPException: refused,
    RequestValidationError: invalid,
    LGAError: unusable,
    ClientDisconnect: disconnected,
    Exception: fault,
}
