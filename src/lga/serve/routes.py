"""What the server answers: the page and its state, recognition, and changes to the taught actions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lga.actions import Actions
from lga.anatomy.descriptions import parse_json
from lga.labels import has_hidden_characters
from lga.serve.intake import Upload, received
from lga.serve.pictures import draw_row
from lga.serve.schema import (
    ActionValue,
    AllActions,
    ChangedAction,
    ClipPath,
    Health,
    LimitsValue,
    NewAction,
    OneAction,
    Recognised,
    SettingsAnswer,
    SkippedValue,
    Taught,
)
from lga.serve.service import EXPLAINED, KINDS, RecognitionRequest, Service, Serving, own_version
from lga.serve.settings import CLIPS_AT_ONCE
from lga.serve.store import Edit
from lga.serve.teaching import without_action, without_example
from lga.serve.values import action_value

router = APIRouter()
actions_router = APIRouter(prefix="/actions")


@router.get("/", include_in_schema=False)
async def index(service: Serving) -> Response:
    """The page."""
    return await asset("index.html", service)


@router.get("/page/{name}", include_in_schema=False)
async def asset(name: str, service: Serving) -> Response:
    """One of the page's files."""
    content = service.assets.get(name)
    if content is None:
        raise HTTPException(404, "the page has no such file")
    return Response(content, media_type=KINDS[Path(name).suffix])


@router.get("/healthz")
async def health(service: Serving) -> Health:
    """Whether the server lives, and how much it knows."""
    actions = service.actions
    return Health(
        lga=own_version(),
        backbone=service.recognizer.encoder.identity,
        actions=0 if actions is None else len(actions.labels),
        examples=0 if actions is None else len(actions.examples),
    )


@router.get("/settings")
async def settings(service: Serving) -> SettingsAnswer:
    """What a page must know before it asks anything."""
    config, method = service.config, service.teacher.method
    return SettingsAnswer(
        stages=method.stages,
        frames=method.frames,
        limits=LimitsValue(
            bytes=config.bytes,
            seconds=config.max_seconds,
            pixels=config.max_pixels,
            examples=config.max_examples,
            clips=CLIPS_AT_ONCE,
            actions=config.max_actions,
        ),
        token_needed=service.token_needed,
        paths=config.root is not None,
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: Serving) -> Response:
    """Counters for Prometheus."""
    return Response(service.metrics.write(), media_type=CONTENT_TYPE_LATEST)


Top = Annotated[int, Query(ge=1, le=20)]
Accepting = Literal["always", "suggested"] | Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]


def form_of(field: str, *, several: bool, **others: object) -> dict[str, object]:
    """How the schema describes an upload, or what may be sent instead."""
    file: dict[str, object] = {"type": "string", "format": "binary"}
    content = {"type": "array", "items": file} if several else file
    form = {"type": "object", "required": [field], "properties": {field: content}}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, **others}}


CLIP_BODY = form_of("clip", several=False, **{"application/json": {"schema": ClipPath.model_json_schema()}})


@router.post("/recognize", openapi_extra={"requestBody": CLIP_BODY})
async def recognize(
    request: Request, service: Serving, top: Top = 5, accept: Accepting = "suggested", why: bool = False
) -> Recognised:
    """Say which of the taught actions a clip shows."""
    now, asked = service.taught(), RecognitionRequest(top, accept, why)
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
    now, asked = service.taught(), RecognitionRequest(top, accept)
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


async def json_only(request: Request) -> None:
    """Refuse a body of another kind: a form is what pages from elsewhere can send unasked."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"application/json":
        raise HTTPException(415, "wanted a JSON body, and the header Content-Type: application/json")


@actions_router.get("")
async def list_actions(service: Serving) -> AllActions:
    """All taught actions with their examples."""
    actions = service.actions
    return AllActions(actions=[] if actions is None else [action_value(actions, one) for one in actions.labels])


@actions_router.get("/{label}")
async def show_action(label: str, service: Serving) -> OneAction:
    """One taught action."""
    return OneAction(action=action_value(*service.find(label)))


@actions_router.post("", status_code=201, dependencies=[Depends(json_only)])
async def create_action(new: NewAction, service: Serving) -> OneAction:
    """Teach an action by its words; sentences are looked up where none are given."""

    def create() -> ActionValue:
        after = _changed(service, lambda actions: service.teacher.create(actions, new.label, new.sentences))
        return action_value(after, after.find(new.label))

    with service.writing.admitted():
        return OneAction(action=await service.writing.run(create))


@actions_router.patch("/{label}", dependencies=[Depends(json_only)])
async def change_action(label: str, change: ChangedAction, service: Serving) -> OneAction:
    """Rename an action, or replace its sentences, or both; its examples stay."""

    def retell() -> ActionValue:
        def edit(_: Actions | None) -> Actions:
            actions, known = service.find(label)
            return service.teacher.retell(actions, known, change.label, change.sentences)

        after = _changed(service, edit)
        return action_value(after, after.find(change.label or label))

    with service.writing.admitted():
        return OneAction(action=await service.writing.run(retell))


@actions_router.delete("/{label}", status_code=204)
async def remove_action(label: str, service: Serving) -> None:
    """Forget an action with its examples."""

    def remove() -> None:
        service.store.change(lambda _: without_action(*service.find(label)))

    with service.writing.admitted():
        await service.writing.run(remove)


@actions_router.post("/{label}/examples", openapi_extra={"requestBody": form_of("clips", several=True)})
async def add_examples(label: str, request: Request, response: Response, service: Serving) -> Taught:
    """Add example clips to an action; a new label is taught with them, and answered with 201."""
    with service.writing.admitted():
        async with received(request, "clips", most=CLIPS_AT_ONCE, folder=service.uploads) as uploads:

            def add() -> tuple[bool, Taught]:
                added, skipped, new = 0, list[SkippedValue](), False

                def edit(actions: Actions | None) -> Actions:
                    nonlocal added, skipped, new
                    new = actions is None or actions.spelling(label) is None
                    after, added, skipped = service.teacher.add(actions, label, uploads)
                    return after

                after = _changed(service, edit)
                return new, Taught(action=action_value(after, after.find(label)), added=added, skipped=skipped)

            new, taught = await service.writing.run(add)
    response.status_code = 201 if new else 200
    return taught


@actions_router.get(
    "/{label}/examples/{digest}/strip",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def show_strip(label: str, digest: str, service: Serving) -> Response:
    """Eight frames of an example side by side."""
    actions, known = service.find(label)
    found = [one for one in actions.examples if (one.label, one.digest) == (known, digest)]
    with service.reading.admitted():
        row = await service.reading.run(lambda: draw_row(found[0])) if found else None
    if row is None:
        raise HTTPException(404, "there is no such example, or its clip is not kept")
    return Response(row, media_type="image/jpeg")


@actions_router.delete("/{label}/examples/{digest}", status_code=204)
async def remove_example(label: str, digest: str, service: Serving) -> None:
    """Forget one example; the action stays, by its words if it was the last."""

    def edit(_: Actions | None) -> Actions:
        actions, known = service.find(label)
        after = without_example(actions, known, digest)
        if len(after.examples) == len(actions.examples):
            raise HTTPException(404, f"{known!r} has no such example; GET /actions lists them")
        return after

    with service.writing.admitted():
        await service.writing.run(lambda: service.store.change(edit))


def _changed(service: Service, edit: Edit) -> Actions:
    """Change the actions so that some are left."""
    after = service.store.change(edit)
    if after is None:
        raise HTTPException(409, "nothing is taught any more")
    return after
