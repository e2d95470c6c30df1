"""The command line: `lga teach`, `recognize`, `evaluate` and others; one file a command, or a group of them."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Protocol, runtime_checkable

import tyro

from lga.cli import cache, lexicon, motion, table
from lga.cli.actions import Add, Describe, ExportActions, ImportActions, List, Remove, Rename, Show
from lga.cli.anatomize import Anatomize
from lga.cli.data import Check, Import
from lga.cli.demo import Demo
from lga.cli.evaluate import Evaluate
from lga.cli.explain import Explain
from lga.cli.extract import Extract
from lga.cli.options import clip_notes, prepare_streams, stderr
from lga.cli.recipe import from_recipe
from lga.cli.recognize import Recognize
from lga.cli.serve import Serve
from lga.cli.teach import Teach
from lga.cli.train import Train
from lga.cli.watch import Watch
from lga.errors import LGAError, SettingsError

sub = tyro.conf.subcommand
OLD_FLAGS = {"--discount": "--hub-correction", "--injection": "--text-injection"}
"""The flags that were called otherwise in version 0.1.0, understood for one version more."""
OVERVIEW = """\
lga: teach a computer new human actions from a handful of example clips

Teach and recognise
  teach      teach actions from example clips
  recognize  say which taught action a clip shows
  explain    show on a page why a clip was recognised as it was
  watch      find taught actions in a long video or a stream
  actions    show, change or pass on taught actions
  serve      teach and recognise in a web page
  demo       try it with drawn clips, without a video of yours

Stage sentences
  anatomize  describe the stages of actions, by lexicon or language model
  lexicon    check, compare and merge stage sentences

Motion
  motion     say what of it can be measured here, or fetch the networks for it

Research
  data       import a benchmark's manifest, or check one
  extract    encode clips once and keep their features
  cache      what features are kept; clear or check them
  evaluate   measure few-shot accuracy on a manifest
  train      train the head on base classes
  table      ablations and comparisons on the same episodes

Examples
  lga teach my_clips/ --out my_actions/
  lga recognize my_actions/ new_clip.mp4

`lga COMMAND --help` explains a command, `lga --version` names the version."""
"""What `lga` prints when no command is named."""
ActionsCommand = (
    Annotated[List, sub("list")]
    | Annotated[Show, sub("show")]
    | Annotated[Add, sub("add")]
    | Annotated[Remove, sub("remove")]
    | Annotated[Rename, sub("rename")]
    | Annotated[Describe, sub("describe")]
    | Annotated[ExportActions, sub("export")]
    | Annotated[ImportActions, sub("import")]
)
LexiconCommand = (
    Annotated[lexicon.CheckSentences, sub("check")]
    | Annotated[lexicon.Diff, sub("diff")]
    | Annotated[lexicon.Merge, sub("merge")]
    | Annotated[lexicon.Distance, sub("distance")]
)
TableCommand = (
    Annotated[table.Main, sub("main")]
    | Annotated[table.Ablation, sub("ablation")]
    | Annotated[table.Segmentation, sub("segmentation")]
    | Annotated[table.Stages, sub("stages")]
    | Annotated[table.Metric, sub("metric")]
    | Annotated[table.Compare, sub("compare")]
    | Annotated[table.Order, sub("order")]
)
MotionCommand = Annotated[motion.ShowMotion, sub("show")] | Annotated[motion.FetchNetworks, sub("fetch")]
CacheCommand = (
    Annotated[cache.ShowCache, sub("show")]
    | Annotated[cache.ClearCache, sub("clear")]
    | Annotated[cache.CheckCache, sub("check")]
)
DataCommand = Annotated[Import, sub("import")] | Annotated[Check, sub("check")]


@runtime_checkable
class Command(Protocol):
    """What every subcommand is: settings that can be run."""

    def run(self) -> int:
        """Do it; the exit code."""
        ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit 0 when it did its work, 1 with one line when it could not, 2 for wrong usage.

    A reader of the output who has seen enough, as `head` has, is no error.
    """
    prepare_streams()
    code = 0
    try:
        try:
            code = run(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    except OSError as error:
        code = 1
        with suppress(OSError):
            stderr().print(f"lga: {_told(error)}", soft_wrap=True)
        _close_output()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a wrong usage raises SystemExit(2).

    Raises:
        OSError: the system refuses something that no command has words for.
    """
    if not arguments:
        print(OVERVIEW)
        return 0
    if arguments[0] == "--version":
        print(f"lga {version('lga')}")
        return 0
    try:
        with clip_notes():
            return _parse(_renamed(arguments)).run()
    except LGAError as error:
        stderr().print(f"lga: {error}", soft_wrap=True)
        return 2 if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        stderr().print("lga: interrupted before the end; files that were finished are kept")
        return 130


def _told(error: OSError) -> str:
    """What the system says, with the place if it names one: without, what cannot be written is the output."""
    if error.filename is None:
        return f"the output cannot be written ({error.strerror or error}); free some space or write it elsewhere"
    return f"{os.fsdecode(error.filename)}: {error.strerror}; check the path and that you may use it"


def _close_output() -> None:
    """Let what is left of the output go nowhere, so that nothing is said of it at the end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _renamed(arguments: Sequence[str]) -> list[str]:
    """The arguments with the flags of version 0.1.0 under their present names, given as `--flag x` or `--flag=x`."""
    parts = [one.partition("=") for one in arguments]
    return [OLD_FLAGS.get(flag.replace("_", "-"), flag) + equals + value for flag, equals, value in parts]


def _parse(arguments: Sequence[str]) -> Command:
    """Actions and data have commands of their own; everything else is one level deep."""
    from lga import __doc__ as about

    commands = (
        Annotated[Teach, sub("teach")]
        | Annotated[Recognize, sub("recognize")]
        | Annotated[Explain, sub("explain")]
        | Annotated[Watch, sub("watch")]
        | Annotated[ActionsCommand, sub("actions", description="show, change or pass on taught actions")]
        | Annotated[Anatomize, sub("anatomize")]
        | Annotated[LexiconCommand, sub("lexicon", description="check, compare and merge stage sentences")]
        | Annotated[
            MotionCommand, sub("motion", description="what of motion can be measured here; get networks for it")
        ]
        | Annotated[Extract, sub("extract")]
        | Annotated[CacheCommand, sub("cache", description="what features are kept; clear or check them")]
        | Annotated[Evaluate, sub("evaluate")]
        | Annotated[Train, sub("train", constructor=from_recipe(arguments))]
        | Annotated[TableCommand, sub("table", description="ablations and comparisons on the same episodes")]
        | Annotated[DataCommand, sub("data", description="import a benchmark's manifest, or check one")]
        | Annotated[Serve, sub("serve")]
        | Annotated[Demo, sub("demo")]
    )
    settings = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    try:
        return tyro.cli(commands, prog="lga", description=about, args=arguments, config=settings)  # pyright: ignore
    except SystemExit:
        for path in filter(_is_file_like_a_flag, arguments):
            stderr().print(f"lga: {path} is a file: write ./{path}, so that it is not read as a flag", soft_wrap=True)
        raise


def _is_file_like_a_flag(argument: str) -> bool:
    """Whether an argument begins with a hyphen and yet is the name of something here, as `-x.mp4` can be."""
    return len(argument) > 1 and argument.startswith("-") and os.path.exists(argument)
