"""The application: parts put together, from the settings to what uvicorn can run."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import gettempdir

from fastapi import FastAPI

from lga.config import BackboneConfig, MethodConfig
from lga.features.cache import FeatureCache
from lga.files import one_line
from lga.recognizer import Recognizer
from lga.serve.failures import ANYWHERE, HANDLERS, refusals
from lga.serve.guard import Guard
from lga.serve.metrics import Metrics
from lga.serve.root import check_root
from lga.serve.routes import actions_router, router
from lga.serve.service import Service, WorkQueue, own_version, read_assets
from lga.serve.settings import ServeConfig
from lga.serve.store import Store
from lga.serve.teaching import Editor
from lga.store.folder import ActionsFolder
from lga.temporary import remove, sweep, temporary_path


@contextmanager
def open_app(
    folder: Path,
    config: ServeConfig,
    *,
    token: str | None = None,
    backbone: BackboneConfig | None = None,
    method: MethodConfig | None = None,
) -> Generator[Guard]:
    """Load the actions and their backbone, and make the application; its temporary files go when it is no longer used.

    Backbone and method are for a folder that is not there yet; of a backbone for one that is, only the device counts.

    Raises:
        LGAError: the folder is damaged, the backbone cannot be loaded, or there can be no root on this system.
    """
    check_root(config.root)
    with upload_folder() as own:
        service = make_service(folder, config, own, token_needed=token is not None, backbone=backbone, method=method)
        with closing(service.store):
            yield Guard(make_routes(service), config, token, service.metrics)


@contextmanager
def upload_folder() -> Generator[Path]:
    """A folder for what clients send, which only this user can read; what killed servers left is removed first.

    Raises:
        LGAError: the folder for temporary files cannot be written.
    """
    target = Path(gettempdir()) / "lga-serve"
    with one_line(target):
        sweep(target)
        own = temporary_path(target)
        own.mkdir(mode=0o700)
    try:
        yield own
    finally:
        remove(own)


def make_routes(service: Service) -> FastAPI:
    """The application without its guard."""
    app = FastAPI(
        title="lga",
        version=own_version(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
        responses=refusals(*ANYWHERE),
    )
    app.state.service, app.state.routes = service, (*router.routes, *actions_router.routes)
    app.include_router(router)
    app.include_router(actions_router)
    return app


def make_service(
    folder: Path,
    config: ServeConfig,
    uploads: Path,
    *,
    token_needed: bool,
    backbone: BackboneConfig | None,
    method: MethodConfig | None,
) -> Service:
    """The parts of a server that has the folder `uploads` for temporary files.

    Raises:
        LGAError: the folder is damaged, or the backbone cannot be loaded.
    """
    taught = ActionsFolder(folder)
    wish, actions = backbone or BackboneConfig(), taught.load()
    chosen = wish if actions is None else actions.backbone.model_copy(update={"device": wish.device})
    recognizer = Recognizer(chosen, cache=FeatureCache(None))
    way = recognizer.source.method(method or MethodConfig()) if actions is None else actions.method
    store, metrics = Store(taught, recognizer), Metrics()
    service = Service(
        config=config,
        token_needed=token_needed,
        recognizer=recognizer,
        store=store,
        teacher=Editor(recognizer, way, config),
        reading=WorkQueue(config.workers, config.queue),
        writing=WorkQueue(1, config.queue),
        metrics=metrics,
        uploads=uploads,
        assets=read_assets(),
    )
    metrics.measure_taught(lambda: service.actions)
    for name, lane in (("reading", service.reading), ("writing", service.writing)):
        metrics.measure(f"lga_waiting_{name}", f"Requests that wait for {name}", lambda lane=lane: float(lane.waiting))
    return service
