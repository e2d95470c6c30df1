"""Every refusal in the one shape."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from lga.errors import LGAError
from lga.serve.schema import Failure

LOG = logging.getLogger("uvicorn.error")
USUAL = {
    404: "nothing is at this address; GET /openapi.json lists what is",
    405: "this address does not know that method; GET /openapi.json lists what it knows",
}


def failure(status: int, told: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that refuses, in one line."""
    return JSONResponse(Failure(error=" ".join(told.split())).model_dump(), status, headers)


async def refused(_: Request, error: HTTPException) -> Response:
    """A refusal of ours, or of the framework's, which says less."""
    plain = error.detail in ("Not Found", "Method Not Allowed")
    told = USUAL[error.status_code] if plain else error.detail
    return failure(error.status_code, told, error.headers)


async def invalid(_: Request, error: RequestValidationError) -> Response:
    """A request whose parts are not what they should be: the first fault."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"])
    return failure(422, f"{where}: {first['msg']}"[:300])


async def unusable(_: Request, error: LGAError) -> Response:
    """What the package refuses; a plain `LGAError` is a trouble of this machine, and its details are for the log."""
    if type(error) is LGAError:
        LOG.error("%s", error)
        return failure(500, "the server cannot do that now; its log says why")
    return failure(422, str(error))


async def gone(_: Request, __: Exception) -> Response:
    """Nobody is listening any more."""
    return failure(400, "the request breaks off")


async def fault(_: Request, __: Exception) -> Response:
    """A mistake in this program; the traceback is written to the log."""
    return failure(500, "this server made a mistake; its log says which")


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    HTTPException: refused,
    RequestValidationError: invalid,
    LGAError: unusable,
    ClientDisconnect: gone,
    Exception: fault,
}
