"""What may be watched: a video file, a pipe, a camera, or a stream from this very machine."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lga.errors import SettingsError, VideoError
from lga.labels import printable
from lga.video.files import FORMATS, is_folder, refusal

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PROTOCOLS = {
    "http": "http,tcp",
    "https": "https,tls,tcp",
    "rtsp": "tcp",
    "rtmp": "rtmp,tcp",
    "udp": "udp",
    "tcp": "tcp",
}
"""What FFmpeg may speak for each kind of address."""
STREAM_FORMATS = f"{FORMATS},rtsp"
STANDARD_INPUT = "-"
CAMERA = re.compile(r"/dev/video[0-9]+")


@dataclass(frozen=True, slots=True)
class Address:
    """A place that pictures come from; `name` is the one that FFmpeg or the system opens."""

    kind: Literal["file", "pipe", "camera", "url"]
    name: str
    protocols: str = "none"
    formats: str = FORMATS

    @property
    def live(self) -> bool:
        """Whether it can stall, has no known end and cannot be watched twice."""
        return self.kind != "file"

    def refusal(self, why: str) -> VideoError:
        """The error that names the place and says `why`, in one printable line."""
        return refusal(self.name, why)


def find_address(source: str) -> Address:
    """What kind of place `source` names: `-`, a camera, a URL on this machine, a named pipe or a video file.

    Nothing is opened. A URL is put together anew from its parts, so that FFmpeg cannot read another host in it.

    Raises:
        SettingsError: a URL of another machine or of a kind that is not watched.
        VideoError: there is no such file.
    """
    if source == STANDARD_INPUT:
        return Address("pipe", source)
    if CAMERA.fullmatch(source):
        return Address("camera", source, formats="video4linux2,v4l2")
    if "://" in source:
        return _url(source)
    path = Path(source)
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            return Address("pipe", source)
    except OSError:  # is_folder says it better
        pass
    if is_folder(path):
        raise refusal(path, "a folder; watch a video file, a stream, a camera or - for standard input")
    return Address("file", source)


def _url(source: str) -> Address:
    shown = printable(source)
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"{shown}: not a URL ({error})") from error
    scheme = parts.scheme.lower()
    if scheme not in PROTOCOLS:
        raise SettingsError(f"{shown}: watches {', '.join(PROTOCOLS)} URLs; give the path of a file as it is")
    plain = source.isascii() and source.isprintable() and not set(source) & set('\\ "<>^`{|}')
    if host not in LOOPBACK or "@" in parts.netloc or not plain:
        raise SettingsError(f"{shown}: only streams from this machine are watched ({', '.join(LOOPBACK)}, no password)")
    if scheme in ("udp", "tcp") and (port is None or parts.path not in ("", "/")):
        raise SettingsError(f"{shown}: wants {scheme}://{host}:PORT")
    query = parts.query
    if (scheme == "udp" and query) or (scheme == "tcp" and query not in ("", "listen=1")):
        raise SettingsError(f"{shown}: takes no options{' but listen=1' if scheme == 'tcp' else ''}")
    if scheme == "udp":
        query = f"localaddr={'127.0.0.1' if host == 'localhost' else host}"
    at = f"[{host}]" if ":" in host else host
    name = f"{scheme}://{at}{'' if port is None else f':{port}'}{parts.path}{f'?{query}' if query else ''}"
    return Address("url", name, PROTOCOLS[scheme], STREAM_FORMATS)
