"""Model folders: found locally or on the hub, digested, loaded without noise."""

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from lga.errors import BackboneError
from lga.files import LFS_ADVICE, LFS_POINTER, kind_of


@contextmanager
def quiet_transformers() -> Generator[None]:
    """Silence transformers inside the block; a failure is raised, not printed."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_WANTED = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "open_clip_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    _SINGLE,
    _INDEX,
    "model-*-of-*.safetensors",
)
_OPEN_CLIP = ("open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_CONVERTER, _CONVERSION = "SFconvertbot", "Adding `safetensors` variant of this model"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The folder of a model's settings, and the one of its weights, which is mostly the same."""

    name: str
    folder: Path
    weights: Path

    def weight_files(self) -> tuple[Path, ...]:
        """List the safetensors files that make up the weights.

        Raises:
            BackboneError: there are none, one is a pointer of Git LFS, or the list of shards is damaged.
        """
        files = self._weight_files()
        for file in files:
            refuse_pointer(file, self.name)
        return files

    def _weight_files(self) -> tuple[Path, ...]:
        if kind_of(self.weights / _SINGLE) == "file":
            return (self.weights / _SINGLE,)
        if not _has_weights(self.weights):
            self.refuse_foreign()
            pickled = any(self.weights.glob("*.bin"))
            only = "only pickled weights, which are never loaded: save it again as" if pickled else "no"
            raise BackboneError(f"{self.name}: {only} {_SINGLE}")
        try:
            shards = json.loads((self.weights / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()
            return tuple(self.weights / shard for shard in sorted(set(shards)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BackboneError(f"{self.name}: {_INDEX} is damaged; download it again") from error

    def refuse_foreign(self) -> None:
        """Check that the folder is not another library's.

        Raises:
            BackboneError: it is open_clip's.
        """
        if any(kind_of(self.folder / name) == "file" for name in _OPEN_CLIP):
            raise BackboneError(
                f"{self.name}: a checkpoint of open_clip, which transformers does not read; take the model's copy for "
                "transformers, with a config.json that names its model_type and with model.safetensors"
            )

    def weights_digest(self) -> str:
        """Hash the weights' content; of a single file it is the sha256 that the hub shows.

        Raises:
            BackboneError: a file is missing or cannot be read.
        """
        digests: list[str] = []
        for file in self.weight_files():
            try:
                with file.open("rb") as stream:
                    digests.append(file_digest(stream, "sha256").hexdigest())
            except OSError as error:
                raise BackboneError(f"{self.name}: {file.name} cannot be read ({error.strerror})") from error
        return digests[0] if len(digests) == 1 else sha256(" ".join(digests).encode()).hexdigest()


def refuse_pointer(file: Path, name: str) -> None:
    """Refuse what stands for a model's file and is not it.

    Raises:
        BackboneError: it is such a pointer.
    """
    try:
        with file.open("rb") as stream:
            begin = stream.read(len(LFS_POINTER))
    except OSError:  # whoever reads it whole says it better
        return
    if begin == LFS_POINTER:
        raise BackboneError(f"{name}: {file.name} is {LFS_ADVICE}")


def find_model(model: str) -> ModelFolder:
    """Find `model`: a folder, or a name on the hub (downloaded once, then taken from the local cache).

    Some models, OpenAI's first CLIPs among them, hold safetensors only in the pull request that the hub's own
    converter opened; for these the weights are taken from there.

    Raises:
        BackboneError: there is no such folder or model, or the hub cannot be reached.
    """
    local = Path(model).expanduser()
    if kind_of(local) == "folder":
        return ModelFolder(model, local, local)
    folder = _download(model, "main")
    if _has_weights(folder):
        return ModelFolder(model, folder, folder)
    revision = _converted_revision(model)
    return ModelFolder(model, folder, _download(model, revision) if revision else folder)


def _has_weights(folder: Path) -> bool:
    return kind_of(folder / _SINGLE) == "file" or kind_of(folder / _INDEX) == "file"


def _download(model: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import httpx

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(_WANTED)))
    except GatedRepoError as error:
        raise BackboneError(
            f"{model}: the model hub wants you to accept its terms and log in (hf auth login)"
        ) from error
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise BackboneError(
            f"{model}: neither a folder nor a public model of the hub; check the name, or use --model FOLDER"
        ) from error
    except (OSError, httpx.HTTPError) as error:
        raise BackboneError(
            f"{model}: not on this machine, and the model hub could not be reached; "
            "use --backbone offline, or --model FOLDER with a copy of it"
        ) from error


def _converted_revision(model: str) -> str | None:
    """Name the revision on which the hub's converter put safetensors; without the hub, the cached one."""
    from huggingface_hub import get_repo_discussions
    from huggingface_hub.utils import httpx

    try:
        found = [
            request.git_reference
            for request in get_repo_discussions(model, author=_CONVERTER, discussion_type="pull_request")
            if request.author == _CONVERTER and request.title == _CONVERSION and request.status == "open"
        ]
    except (OSError, httpx.HTTPError):
        found = _cached_conversions(model)
    return found[0] if found else None


def _cached_conversions(model: str) -> list[str | None]:
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"
    references = sorted((cache / "refs" / "refs" / "pr").glob("*"))
    return [
        f"refs/pr/{reference.name}"
        for reference in references
        if reference.name.isdigit()
        and _has_weights(cache / "snapshots" / reference.read_text(encoding="utf-8").strip())
    ]
