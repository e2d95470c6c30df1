"""Every reply that a language model gave, on disk the moment it came, so that nothing is asked or paid for twice."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from lga.anatomy.descriptions import Count
from lga.config import FrozenModel, StageCount
from lga.errors import LGAError
from lga.files import append_durably, checksum_of, kind_of


class JournalQuestion(FrozenModel):
    """All that an answer depends on; not the server, which may move."""

    model: str
    prompt: int
    label: str
    """in its readable form, as the model is asked"""
    stages: StageCount
    temperature: float
    sample: int
    attempt: int
    """1 is the question itself; each further one follows a reply that was rejected"""


class Reply(FrozenModel):
    """What the model wrote, and what it cost."""

    text: str
    cut: bool = False
    """the server ended it at the limit"""
    input_tokens: Count = 0
    output_tokens: Count = 0
    date: str
    """UTC"""


class Line(FrozenModel):
    """One line of a journal."""

    version: Literal[1, 2] = 2
    """1 was that of 0.1.0, without a checksum"""
    question: JournalQuestion
    reply: Reply
    checksum: str | None = None
    """of the rest"""


class Journal:
    """Replies by question, backed by a file of JSON lines that only grows; `path` None keeps nothing on disk.

    A line that a crash left half written, that cannot be read or that was changed is passed over; `damaged` has the
    numbers of such lines, from 1.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.damaged: list[int] = []
        self._replies: dict[JournalQuestion, Reply] = {}
        self._torn = False
        if path is not None and kind_of(path) != "nothing":
            self._read(path)

    def find(self, question: JournalQuestion) -> Reply | None:
        """The reply to a question that was answered before."""
        return self._replies.get(question)

    def keep(self, question: JournalQuestion, reply: Reply) -> None:
        """Write a reply down; when this returns it is on the disk.

        Raises:
            LGAError: the disk is full, or the place cannot be written.
        """
        self._replies[question] = reply
        if self.path is None:
            return
        content = Line(question=question, reply=reply).model_dump(mode="json", exclude={"checksum"})
        line = json.dumps({**content, "checksum": checksum_of(content)}, ensure_ascii=False) + "\n"
        before, self._torn = self._torn, True
        append_durably(self.path, (b"\n" if before else b"") + line.encode())
        self._torn = False

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    self._torn = not line.endswith(b"\n")
                    if line.strip():
                        self._read_line(number, line)
        except OSError as error:
            raise LGAError(f"{path}: the replies cannot be read ({error.strerror}); choose another place") from error

    def _read_line(self, number: int, line: bytes) -> None:
        try:
            read = Line.model_validate_json(line)
        except ValidationError:
            self.damaged.append(number)
            return
        content = json.loads(line)
        content.pop("checksum", None)
        if read.checksum == (None if read.version == 1 else checksum_of(content)):
            self._replies.setdefault(read.question, read.reply)
        else:
            self.damaged.append(number)


def now() -> str:
    """The moment, for a reply."""
    return datetime.now(UTC).isoformat(timespec="seconds")
