"""Teach, look at, rename, describe and forget actions."""

from fastapi import APIRouter, Depends
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lga.actions import Actions
from lga.serve.intake import received
from lga.serve.pictures import draw_row
from lga.serve.routes_recognize import form_of
from lga.serve.schema import ActionValue, AllActions, ChangedAction, NewAction, OneAction, SkippedValue, Taught
from lga.serve.service import Service, Serving
from lga.serve.settings import CLIPS_AT_ONCE
from lga.serve.store import Edit
from lga.serve.teaching import without_action, without_example
from lga.serve.values import action_value

router = APIRouter(prefix="/actions")


async def json_only(request: Request) -> None:
    """Refuse a body of another kind: a form is what pages from elsewhere can send unasked."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"application/json":
        raise HTTPException(415, "wanted a JSON body, and the header Content-Type: application/json")


@router.get("")
async def list_actions(service: Serving) -> AllActions:
    """All taught actions with their examples."""
    actions = service.actions
    return AllActions(actions=[] if actions is None else [action_value(actions, one) for one in actions.labels])


@router.get("/{label}")
async def show_action(label: str, service: Serving) -> OneAction:
    """One taught action."""
    return OneAction(action=action_value(*service.find(label)))


@router.post("", status_code=201, dependencies=[Depends(json_only)])
async def create_action(new: NewAction, service: Serving) -> OneAction:
    """Teach an action by its words; sentences are looked up where none are given."""

    def create() -> ActionValue:
        after = _changed(service, lambda actions: service.teacher.create(actions, new.label, new.sentences))
        return action_value(after, after.find(new.label))

    with service.writing.admitted():
        return OneAction(action=await service.writing.run(create))


@router.patch("/{label}", dependencies=[Depends(json_only)])
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


@router.delete("/{label}", status_code=204)
async def remove_action(label: str, service: Serving) -> None:
    """Forget an action with its examples."""

    def remove() -> None:
        service.store.change(lambda _: without_action(*service.find(label)))

    with service.writing.admitted():
        await service.writing.run(remove)


@router.post("/{label}/examples", openapi_extra={"requestBody": form_of("clips", several=True)})
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


@router.get(
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


@router.delete("/{label}/examples/{digest}", status_code=204)
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
