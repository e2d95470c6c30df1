"""The page, and what is known of the server itself."""

from pathlib import Path

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lga.serve.schema import Health, LimitsValue, SettingsAnswer
from lga.serve.service import KINDS, Serving, own_version
from lga.serve.settings import CLIPS_AT_ONCE

router = APIRouter()


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
