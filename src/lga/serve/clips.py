"""Example clips that the folder of taught actions keeps, as browsers play them."""

from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from lga.errors import LGAError
from lga.serve.root import find_beneath
from lga.store.clips import CLIPS, NAME, KeptClips
from lga.taught import Example
from lga.video.files import content_digest

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
    ".3gp": "video/3gpp",
    ".avi": "video/x-msvideo",
    ".gif": "image/gif",
}
"""What browsers call a clip whose name ends so."""
OTHER = "application/octet-stream"
"""What they call any other."""
MISSING = "there is no such example, or its clip is not kept"


class HeldFile(FileResponse):
    """A file, or the range of it that is asked for; what is held is let go of afterwards."""

    def __init__(self, path: Path, media_type: str, held: ExitStack):
        super().__init__(path, media_type=media_type)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._held:
            await super().__call__(scope, receive, send)


def open_clip(clips: KeptClips, example: Example, folder: Path) -> HeldFile:
    """The clip of an example, if the folder of actions keeps it and it is the very one that was taught.

    It is opened once, below the folder of kept clips; a link in its place is not followed out of it. `folder` is for
    a copy, where the system needs one.

    Raises:
        HTTPException: there is no such clip (404).
    """
    name = clips.name_of(example)
    if name is None:
        raise HTTPException(404, MISSING)
    with ExitStack() as stack:
        try:
            path = stack.enter_context(find_beneath(clips.place, name, folder))
            same = content_digest(path) == example.digest
        except (OSError, LGAError) as error:
            raise HTTPException(404, MISSING) from error
        if not same:
            raise HTTPException(404, MISSING)
        held = stack.pop_all()
    return HeldFile(path, MEDIA_TYPES.get(Path(name).suffix, OTHER), held)


def clip_address(example: Example) -> str | None:
    """Where an example's clip can be had; None where it is not kept."""
    path = Path(example.path)
    kept = path.parent.name == CLIPS and NAME.fullmatch(path.name) and path.stem == example.digest
    return f"{example_address(example)}/clip" if kept and "/" not in example.label else None


def example_address(example: Example) -> str:
    """Where an example is."""
    return f"/actions/{quote(example.label, safe='')}/examples/{example.digest}"
