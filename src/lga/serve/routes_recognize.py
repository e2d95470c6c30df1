"""Recognise a clip, uploaded or on the server, and say why."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lga.anatomy.files import parse_json
from lga.anatomy.labels import has_hidden_characters
from lga.serve.intake import Upload, received
from lga.serve.schema import ClipPath, Recognised
from lga.serve.service import EXPLAINED, Question, Service, Serving

Top = Annotated[int, Query(ge=1, le=20)]
Accepting = Literal["always", "suggested"] | Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]


def form_of(field: str, *, several: bool, **others: object) -> dict[str, object]:
    """How the schema describes an upload, or what may be sent instead."""
    file: dict[str, object] = {"type": "string", "format": "binary"}
    content = {"type": "array", "items": file} if several else file
    form = {"type": "object", "required": [field], "properties": {field: content}}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, **others}}


CLIP_BODY = form_of("clip", several=False, **{"application/json": {"schema": ClipPath.model_json_schema()}})

router = APIRouter()


@router.post("/recognize", openapi_extra={"requestBody": CLIP_BODY})
async def recognize(
    request: Request, service: Serving, top: Top = 5, accept: Accepting = "suggested", why: bool = False
) -> Recognised:
    """Say which of the taught actions a clip shows."""
    now, asked = service.taught(), Question(top, accept, why)
    with service.reading.admitted():
        async with clip_of(request, service) as clip:
            return Recognised(result=await service.reading.run(lambda: service.recognise(now, clip, asked)))


@router.post(
    "/explain",
    openapi_extra={"requestBody": CLIP_BODY},
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
)
async def explain(
    request: Request, service: Serving, top: Top = EXPLAINED, accept: Accepting = "suggested"
) -> Response:
    """The same, with the reasons for the `top` likeliest labels, as one HTML file that needs nothing else."""
    now, asked = service.taught(), Question(top, accept)
    with service.reading.admitted():
        async with clip_of(request, service) as clip:
            text = await service.reading.run(lambda: service.report(now, clip, asked))
    headers = {
        "Content-Disposition": 'attachment; filename="report.html"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    }
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


@asynccontextmanager
async def clip_of(request: Request, service: Service) -> AsyncGenerator[Upload]:
    """The clip that a request is about, while it lasts.

    Raises:
        HTTPException: there is none, or it may not be had.
    """
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind == b"application/json":
        yield find_clip(service.config.root, await request.body())
    elif kind == b"multipart/form-data":
        async with received(request, "clip", most=1, folder=service.uploads) as (clip,):
            if clip.refused:
                raise HTTPException(415, f"{clip.name}: {clip.refused}")
            yield clip
    else:
        raise HTTPException(415, "wanted multipart/form-data with a file named 'clip', or JSON with a path")


def find_clip(root: Path | None, body: bytes) -> Upload:
    """A clip below the server's root; links are followed and must end there too.

    Raises:
        HTTPException: no paths are taken (403), the body is not one (422), or there is no such clip (404).
        AnatomyError: the body is not JSON.
    """
    if root is None:
        raise HTTPException(403, "this server takes no paths; upload the clip, or start it with --root FOLDER")
    try:
        path = ClipPath.model_validate(parse_json(body)).path
    except ValidationError as error:
        raise HTTPException(422, 'wanted JSON like {"path": "below/the/root.mp4"}') from error
    if not path or has_hidden_characters(path):
        raise HTTPException(422, "a path is one line of visible text")
    try:
        base = root.resolve()
        place = (base / path).resolve()
        there = place.is_relative_to(base) and place.is_file()
    except (OSError, RuntimeError):  # a name too long, or links in a circle
        there, place = False, root
    found = Upload(place.name, place)
    if not there or found.refused:
        raise HTTPException(404, "there is no such clip below the server's root")
    return found
