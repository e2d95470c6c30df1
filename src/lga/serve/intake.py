"""Uploads: from a multipart body to files, without ever holding a clip in memory."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
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
    """Receive the files of a form, of which every part must be a file named `field`; they are gone afterwards.

    Raises:
        HTTPException: the body is not such a form (400, 415, 422), or has too many parts (413).
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise HTTPException(415, f"wanted multipart/form-data with a file named {field!r}, not {_shown(kind)}")
    with TemporaryDirectory(dir=folder) as own:
        form = _Form(Path(own), field, most)
        try:
            parser = form.parser(options.get(b"boundary", b""))
            async for chunk in request.stream():
                await to_thread.run_sync(parser.write, chunk)
            parser.finalize()
        except FormParserError as error:
            raise HTTPException(400, f"the form cannot be read: {error}") from error
        except OSError as error:
            raise LGAError(f"{folder}: uploads cannot be written ({error.strerror}); free some space") from error
        finally:
            form.close()
        if not form.ended:
            raise HTTPException(400, "the form breaks off before its last boundary; send it again")
        if not form.uploads:
            raise HTTPException(422, f"wanted a file named {field!r}; the form holds none")
        yield tuple(form.uploads)


def safe_name(given: str) -> str:
    """A file name that means no other place, shows as it is and is not too long; else as it was given."""
    last = re.split(r"[\\/]", given)[-1]
    shown = "".join("_" if has_hidden_characters(one) or one in '<>:"|?*' else one for one in last).strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if not dot or len(suffix) > 8 or not suffix.isascii():
        stem, suffix = shown, ""
    short = stem.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore").strip(" .") or "clip"
    return f"{short}.{suffix.lower()}" if suffix else short


class _Form:
    """What the parser finds, part by part, written to files as it comes."""

    def __init__(self, folder: Path, field: str, most: int):
        self._folder, self._field, self._most = folder, field, most
        self._name, self._value, self._disposition = bytearray(), bytearray(), b""
        self._file: BinaryIO | None = None
        self.uploads: list[Upload] = []
        self.ended = False

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._name_more,
                "on_header_value": self._value_more,
                "on_header_end": self._header,
                "on_headers_finished": self._open,
                "on_part_data": self._write,
                "on_part_end": self.close,
                "on_end": self._end,
            },
            max_header_count=8,
        )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._disposition = b""
        if len(self.uploads) == self._most:
            raise HTTPException(413, f"at most {self._most} files go into one request; send the others in another")

    def _name_more(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _value_more(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        named = options.get(b"name", b"")
        if named != self._field.encode() or b"filename" not in options:
            raise HTTPException(422, f"wanted files named {self._field!r} only; there is a part {_shown(named)}")
        name = safe_name(options[b"filename"].decode("utf-8", "replace"))
        own = self._folder / str(len(self.uploads))
        own.mkdir()
        self.uploads.append(Upload(name, own / name))
        self._file = self.uploads[-1].path.open("xb")

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])

    def _end(self) -> None:
        self.ended = True


def _shown(given: bytes) -> str:
    return repr(given[:60].decode("utf-8", "replace"))
