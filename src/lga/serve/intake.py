"""The clips that requests bring: uploads as files, at most 1 MB of each held in memory, and paths below a folder."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lga.anatomy.descriptions import parse_json
from lga.errors import LGAError
from lga.labels import has_hidden_characters
from lga.serve.root import find_beneath, request_folder
from lga.serve.schema import ClipPath
from lga.video.files import VIDEO_SUFFIXES, has_video_name

LONGEST_NAME = 120
"""bytes of a clip's name before its suffix"""
NO_SUCH_CLIP = "there is no such clip below the server's root"


@dataclass(frozen=True, slots=True)
class Upload:
    """A clip that a request is about: what its sender calls it, and the file that holds it."""

    name: str
    path: Path

    @property
    def refused(self) -> str:
        """Why it can't be a clip, going by its name; empty if it may be one."""
        if has_video_name(Path(self.name)):
            return ""
        return f"not a kind of video that is known here ({', '.join(sorted(VIDEO_SUFFIXES))})"

    def renamed(self, message: str) -> str:
        """An error message with the sender's name for the clip in place of its path here."""
        return message.replace(str(self.path), self.name)

    def reason(self, message: str) -> str:
        """The same without the name in front."""
        return self.renamed(message).removeprefix(f"{self.name}: ")


async def json_only(request: Request) -> None:
    """Refuse a body of another kind: pages of other sites can make a browser send forms, but not JSON.

    Raises:
        HTTPException: the body is not JSON (415).
    """
    if content_type(request) != b"application/json":
        raise HTTPException(415, "wanted a JSON body, and the header Content-Type: application/json")


@asynccontextmanager
async def clip_of(request: Request, *, root: Path | None, folder: Path) -> AsyncGenerator[Upload]:
    """The one clip that a request is about: uploaded into `folder` and removed afterwards, or a path below `root`.

    Raises:
        HTTPException: the request holds no clip, or names one that may not be read.
    """
    kind = content_type(request)
    if kind == b"application/json":
        top, path = wanted_path(root, await request.body())
        with ExitStack() as held:
            try:
                place = await to_thread.run_sync(held.enter_context, find_beneath(top, path, folder))
            except (OSError, ValueError) as error:
                raise HTTPException(404, NO_SUCH_CLIP) from error
            yield Upload(Path(path).name, place)
    elif kind == b"multipart/form-data":
        async with received(request, "clip", most=1, folder=folder) as (clip,):
            if clip.refused:
                raise HTTPException(415, f"{clip.name}: {clip.refused}")
            yield clip
    else:
        raise HTTPException(415, "wanted multipart/form-data with a file named 'clip', or JSON with a path")


def wanted_path(root: Path | None, body: bytes) -> tuple[Path, str]:
    """The root, and the path of a clip below it that a JSON body names; nothing is looked up yet.

    Raises:
        HTTPException: no paths are taken (403), the body names none (422), or none that may be a clip's (404).
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
    if not has_video_name(Path(path)):
        raise HTTPException(404, NO_SUCH_CLIP)
    return root, path


@asynccontextmanager
async def received(request: Request, field: str, *, most: int, folder: Path) -> AsyncGenerator[tuple[Upload, ...]]:
    """Receive the files of a form, of which every part must be a file named `field`; they are removed afterwards.

    Raises:
        HTTPException: the body is not such a form (400, 415, 422), or has too many parts (413).
        LGAError: the disk is full.
    """
    kind = content_type(request)
    if kind != b"multipart/form-data":
        shown = kind[:60].decode("utf-8", "replace")
        raise HTTPException(415, f"wanted multipart/form-data with a file named {field!r}, not {shown!r}")
    with request_folder(folder) as own:
        try:
            form = await _FileForm(request, field, most).parse()
            uploads = await to_thread.run_sync(_save, form, own)
        except MultiPartException as error:
            raise HTTPException(400, f"the form cannot be read: {error.message}") from error
        except UnicodeError as error:
            raise HTTPException(400, "the form cannot be read in the charset that it names") from error
        except OSError as error:
            raise LGAError(f"{folder}: uploads cannot be written ({error.strerror}); free some space") from error
        yield uploads


def content_type(request: Request) -> bytes:
    """What the body is said to be, without its parameters; empty if nothing is said."""
    return parse_options_header(request.headers.get("content-type"))[0]


def safe_name(given: str) -> str:
    """A sender's file name, made harmless: without folders and hidden characters, and not too long."""
    last = re.split(r"[\\/]", given)[-1]
    shown = "".join("_" if has_hidden_characters(char) or char in '<>:"|?*' else char for char in last).strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if not dot or len(suffix) > 8 or not suffix.isascii():
        stem, suffix = shown, ""
    short = stem.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore").strip(" .") or "clip"
    return f"{short}.{suffix.lower()}" if suffix else short


class _FileForm(MultiPartParser):
    """Starlette's parser for a form that must hold 1 to `most` files named `field`, and be whole."""

    def __init__(self, request: Request, field: str, most: int):
        super().__init__(request.headers, self._whole(request))
        self._field, self._most, self._ended = field, most, False

    async def _whole(self, request: Request) -> AsyncGenerator[bytes]:
        """The body; the parser asks for more only after it has read what came, so the end shows what is missing."""
        async for chunk in request.stream():
            yield chunk
        if not self._ended:
            raise HTTPException(400, "the form breaks off before its last boundary; send it again")
        if not self.items:
            raise HTTPException(422, f"wanted a file named {self._field!r}; the form holds none")

    def on_part_begin(self) -> None:
        if len(self.items) == self._most:
            raise HTTPException(413, f"at most {self._most} files go into one request; send the others in another")
        super().on_part_begin()

    def on_part_end(self) -> None:
        super().on_part_end()
        name, content = self.items[-1]
        if name == self._field and isinstance(content, str):
            raise HTTPException(
                422,
                f"the part {name!r} is text, not a file; send it with filename=, not only filename*=",
            )
        if name != self._field:
            raise HTTPException(422, f"wanted files named {self._field!r} only; there is a part {name[:60]!r}")

    def on_end(self) -> None:
        self._ended = True


def _save(form: FormData, folder: Path) -> tuple[Upload, ...]:
    """Copy the form's files, which have no name on disk, to files that have one."""
    uploads: list[Upload] = []
    for number, (_, sent) in enumerate(form.multi_items()):
        if isinstance(sent, UploadFile):
            name = safe_name(sent.filename or "")
            upload = Upload(name, folder / str(number) / name)
            upload.path.parent.mkdir()
            with sent.file, upload.path.open("xb") as file:
                shutil.copyfileobj(sent.file, file)
            uploads.append(upload)
    return tuple(uploads)
