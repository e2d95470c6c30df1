"""Uploads: from a multipart body to files, of which at most the first megabyte of each is held in memory."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import to_thread
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lga.errors import LGAError
from lga.labels import has_hidden_characters
from lga.video.files import VIDEO_SUFFIXES

LONGEST_NAME = 120
"""bytes of a clip's name before its suffix"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A clip that came in: what its sender calls it, and the file that holds it for now."""

    name: str
    path: Path

    @property
    def refused(self) -> str:
        """Why it can't be a clip, going by its name; empty if it may be one."""
        if self.path.suffix in VIDEO_SUFFIXES:
            return ""
        return f"not a kind of video that is known here ({', '.join(sorted(VIDEO_SUFFIXES))})"

    def told(self, message: str) -> str:
        """A message about the file as one about the clip."""
        return message.replace(str(self.path), self.name)

    def reason(self, message: str) -> str:
        """The same without the name in front."""
        return self.told(message).removeprefix(f"{self.name}: ")


@asynccontextmanager
async def received(request: Request, field: str, *, most: int, folder: Path) -> AsyncGenerator[tuple[Upload, ...]]:
    """Receive the files of a form, of which every part must be a file named `field`; they are removed afterwards.

    Raises:
        HTTPException: the body is not such a form (400, 415, 422), or has too many parts (413).
        LGAError: the disk is full.
    """
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        shown = kind[:60].decode("utf-8", "replace")
        raise HTTPException(415, f"wanted multipart/form-data with a file named {field!r}, not {shown!r}")
    with TemporaryDirectory(dir=folder) as own:
        try:
            form = await _FileForm(request, field, most).parse()
            uploads = await to_thread.run_sync(_save, form, Path(own))
        except MultiPartException as error:
            raise HTTPException(400, f"the form cannot be read: {error.message}") from error
        except UnicodeError as error:
            raise HTTPException(400, "the form cannot be read in the charset that it names") from error
        except OSError as error:
            raise LGAError(f"{folder}: uploads cannot be written ({error.strerror}); free some space") from error
        yield uploads


def safe_name(given: str) -> str:
    """A file name that means no other place, shows as it is and is not too long; else as it was given."""
    last = re.split(r"[\\/]", given)[-1]
    shown = "".join("_" if has_hidden_characters(one) or one in '<>:"|?*' else one for one in last).strip(" .")
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
        if name != self._field or isinstance(content, str):
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
