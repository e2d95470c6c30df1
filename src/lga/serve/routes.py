"""What the server answers: the page and its state, recognition, and changes to the taught actions."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lga.actions import Actions
from lga.serve.clips import MEDIA_TYPES, MISSING, OTHER, open_clip
from lga.serve.failures import refusals
from lga.serve.intake import clip_of, json_only, received
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
from lga.serve.service import EXPLAINED, KINDS, RecognitionRequest, Service, Serving, find_action, own_version
from lga.serve.settings import CLIPS_AT_ONCE
from lga.serve.teaching import without_action, without_example
from lga.serve.values import action_value
from lga.store.folder import Edit
from lga.taught import Example

Top = Annotated[int, Query(ge=1, le=20)]
Accepting = Literal["always", "suggested"] | Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]
Search = Annotated[str, Query(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=1_000_000)]
router = APIRouter()
actions_router = APIRouter(prefix="/actions")


def form_of(field: str, *, several: bool, **others: object) -> dict[str, object]:
    """How the schema describes a body that is an upload; `others` are what may be sent instead, by content type."""
    file: dict[str, object] = {"type": "string", "format": "binary"}
    content = {"type": "array", "items": file, "minItems": 1, "maxItems": CLIPS_AT_ONCE} if several else file
    form = {"type": "object", "required": [field], "properties": {field: content}, "additionalProperties": False}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, **others}}


CLIP_BODY = form_of("clip", several=False, **{"application/json": {"schema": ClipPath.model_json_schema()}})


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
    """That the server runs, and how much is taught."""
    actions = service.actions
    return Health(
        lga=own_version(),
        backbone=service.recognizer.encoder.identity,
        actions=0 if actions is None else len(actions.labels),
        examples=0 if actions is None else len(actions.examples),
    )


@router.get("/settings")
async def settings(service: Serving) -> SettingsAnswer:
    """The server's limits and settings, which a page reads before its first request."""
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


@router.post("/recognize", openapi_extra={"requestBody": CLIP_BODY}, responses=refusals(404, 409, 415))
async def recognize(
    request: Request, service: Serving, top: Top = 5, accept: Accepting = "suggested", why: bool = False
) -> Recognised:
    """Say which of the taught actions a clip shows."""
    taught, asked = await service.taught(), RecognitionRequest(top, accept, why)
    with service.reading.admitted():
        async with clip_of(request, root=service.config.root, folder=service.uploads) as clip:
            return Recognised(result=await service.reading.run(lambda: service.recognise(taught, clip, asked)))


@router.post(
    "/explain",
    openapi_extra={"requestBody": CLIP_BODY},
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **refusals(404, 409, 415)},
)
async def explain(
    request: Request, service: Serving, top: Top = EXPLAINED, accept: Accepting = "suggested"
) -> Response:
    """The same, with the reasons for the `top` likeliest labels, as one HTML file that needs nothing else."""
    taught, asked = await service.taught(), RecognitionRequest(top, accept)
    with service.reading.admitted():
        async with clip_of(request, root=service.config.root, folder=service.uploads) as clip:
            text = await service.reading.run(lambda: service.report(taught, clip, asked))
    headers = {
        "Content-Disposition": 'attachment; filename="report.html"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    }
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


@actions_router.get("")
async def list_actions(
    service: Serving, search: Search = "", offset: Offset = 0, limit: Limit | None = None
) -> AllActions:
    """The taught actions with their examples: those with `search` in their label, all or `limit` from `offset` on."""
    actions = service.actions
    if actions is None:
        return AllActions(actions=[], total=0)
    found = actions.search(search)
    listed = found[offset : None if limit is None else offset + limit]
    return AllActions(actions=[action_value(actions, one.label) for one in listed], total=len(found))


@actions_router.get("/{label}", responses=refusals(404))
async def show_action(label: str, service: Serving) -> OneAction:
    """One taught action."""
    return OneAction(action=action_value(*find_action(service.actions, label)))


@actions_router.post("", status_code=201, dependencies=[Depends(json_only)], responses=refusals(409, 415))
async def create_action(new: NewAction, service: Serving) -> OneAction:
    """Teach an action by its words; sentences are looked up where none are given."""

    def edit(actions: Actions | None) -> Actions:
        return service.teacher.create(actions, new.label, new.sentences)

    with service.writing.admitted():
        return OneAction(action=await service.writing.run(lambda: changed_action(service, edit, new.label)))


@actions_router.patch("/{label}", dependencies=[Depends(json_only)], responses=refusals(404, 409, 415))
async def change_action(label: str, change: ChangedAction, service: Serving) -> OneAction:
    """Rename an action, or replace its sentences, or both; its examples stay."""

    def edit(actions: Actions | None) -> Actions:
        return service.teacher.change(*find_action(actions, label), change.label, change.sentences)

    with service.writing.admitted():
        return OneAction(action=await service.writing.run(lambda: changed_action(service, edit, change.label or label)))


@actions_router.delete("/{label}", status_code=204, responses=refusals(404))
async def remove_action(label: str, service: Serving) -> None:
    """Forget an action with its examples."""

    def remove() -> None:
        service.store.change(lambda actions: without_action(*find_action(actions, label)))

    with service.writing.admitted():
        await service.writing.run(remove)


@actions_router.post(
    "/{label}/examples",
    openapi_extra={"requestBody": form_of("clips", several=True)},
    responses={
        201: {"model": Taught, "description": "The action is new, and taught with these examples"},
        **refusals(404, 409, 415),
    },
)
async def add_examples(label: str, request: Request, response: Response, service: Serving) -> Taught:
    """Add example clips to an action; a new label is taught with them, and answered with 201."""
    with service.writing.admitted():
        async with received(request, "clips", most=CLIPS_AT_ONCE, folder=service.uploads) as uploads:

            def add() -> tuple[bool, Taught]:
                is_new, added, skipped = False, 0, list[SkippedValue]()
                clips = service.teacher.encode(service.actions, uploads)
                keep = set[str]() if service.config.forget_clips else {str(path) for path in clips.paths}

                def edit(actions: Actions | None) -> Actions:
                    nonlocal is_new, added, skipped
                    is_new = actions is None or actions.spelling(label) is None
                    after, added, skipped = service.teacher.add(actions, label, uploads, clips)
                    return after

                action = changed_action(service, edit, label, keep=keep)
                return is_new, Taught(action=action, added=added, skipped=skipped)

            is_new, taught = await service.writing.run(add)
    response.status_code = 201 if is_new else 200
    return taught


@actions_router.get(
    "/{label}/examples/{digest}/strip",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **refusals(404)},
)
async def show_strip(label: str, digest: str, service: Serving) -> Response:
    """Eight frames of an example side by side."""
    example = find_example(service, label, digest)
    with service.reading.admitted():
        strip = await service.reading.run(lambda: draw_row(example))
    if strip is None:
        raise HTTPException(404, MISSING)
    return Response(strip, media_type="image/jpeg")


@actions_router.get(
    "/{label}/examples/{digest}/clip",
    response_class=Response,
    responses={
        200: {"content": {kind: {} for kind in (*MEDIA_TYPES.values(), OTHER)}},
        206: {"description": "The range that Range asks for"},
        416: {"description": "There is no such range"},
        **refusals(404),
    },
)
async def show_clip(label: str, digest: str, service: Serving) -> Response:
    """An example's clip, where the folder of actions keeps it; ranges of it too."""
    example = find_example(service, label, digest)
    with service.reading.admitted():
        return await service.reading.run(lambda: open_clip(service.store.clips, example, service.uploads))


@actions_router.delete("/{label}/examples/{digest}", status_code=204, responses=refusals(404))
async def remove_example(label: str, digest: str, service: Serving) -> None:
    """Forget one example; the action stays, by its words if it was the last."""

    def edit(now: Actions | None) -> Actions:
        actions, known = find_action(now, label)
        after = without_example(actions, known, digest)
        if len(after.examples) == len(actions.examples):
            raise HTTPException(404, f"{known!r} has no such example; GET /actions lists them")
        return after

    with service.writing.admitted():
        await service.writing.run(lambda: service.store.change(edit))


def find_example(service: Service, label: str, digest: str) -> Example:
    """An example of a taught action.

    Raises:
        HTTPException: there is none (404).
    """
    actions, known = find_action(service.actions, label)
    for number in actions.examples_of(known):
        if actions.examples[number].digest == digest:
            return actions.examples[number]
    raise HTTPException(404, MISSING)


def changed_action(service: Service, edit: Edit, label: str, *, keep: Collection[str] = ()) -> ActionValue:
    """Change what is taught, and give the action `label` as it is afterwards.

    Raises:
        HTTPException: no action is left (409).
    """
    after = service.store.change(edit, keep=keep)
    if after is None:
        raise HTTPException(409, "nothing is taught any more")
    return action_value(after, after.find(label))
