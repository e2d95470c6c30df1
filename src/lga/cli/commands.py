"""Every command with its line in the overview and its place; a command's module is imported when it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, runtime_checkable


@runtime_checkable
class Runnable(Protocol):
    """What every command is: settings that can be run."""

    def run(self) -> int:
        """Do it; the exit code."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it does, in half a line, and the class that is its settings."""

    says: str
    module: str
    name: str

    def load(self) -> type[Runnable]:
        """The class."""
        return vars(import_module(f"lga.cli.{self.module}"))[self.name]


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """Commands that are called by two words."""

    says: str
    commands: Mapping[str, Command]


OVERVIEW: Mapping[str, Mapping[str, Command | CommandGroup]] = {
    "Teach and recognise": {
        "teach": Command("teach actions from example clips", "teach", "Teach"),
        "recognize": Command("say which taught action a clip shows", "recognize", "Recognize"),
        "explain": Command("show on a page why a clip was recognised as it was", "explain", "Explain"),
        "watch": Command("find taught actions in a long video or a stream", "watch", "Watch"),
        "actions": CommandGroup(
            "show, change or pass on taught actions",
            {
                "list": Command("the taught actions", "actions", "List"),
                "show": Command("stages and examples, of one action or all", "actions", "Show"),
                "add": Command("add an action, or more examples to one", "actions", "Add"),
                "remove": Command("remove an action, or one example", "actions", "Remove"),
                "rename": Command("give an action another name", "actions", "Rename"),
                "describe": Command("replace sentences by your own", "actions", "Describe"),
                "export": Command("write all into one file, to pass on", "actions", "ExportActions"),
                "import": Command("read such a file", "actions", "ImportActions"),
            },
        ),
        "serve": Command("teach and recognise in a web page", "serve", "Serve"),
        "demo": Command("try it with drawn clips, without a video of yours", "demo", "Demo"),
    },
    "Stage sentences": {
        "anatomize": Command("describe the stages of actions, by lexicon or language model", "anatomize", "Anatomize"),
        "lexicon": CommandGroup(
            "list, search, check, compare and merge stage sentences",
            {
                "list": Command("the actions that the shipped lexicons know", "lexicon_search", "ListLexicons"),
                "search": Command("find an action by roughly its name", "lexicon_search", "SearchLexicons"),
                "check": Command("find sentences that no camera could show, or that hurt", "lexicon", "CheckSentences"),
                "diff": Command("what changed between two files", "lexicon", "Diff"),
                "merge": Command("bring reviewed and newly generated sentences together", "lexicon", "Merge"),
                "distance": Command("count the words that were rewritten", "lexicon", "Distance"),
            },
        ),
    },
    "This installation": {
        "doctor": Command("what is installed and works: backbones, pose, device, cache", "doctor", "Doctor"),
        "cache": CommandGroup(
            "what features are kept; clear or check them",
            {
                "show": Command("what is kept, and how much room it takes", "cache", "ShowCache"),
                "clear": Command("remove what is kept", "cache", "ClearCache"),
                "check": Command("look for damage", "cache", "CheckCache"),
            },
        ),
        "motion": CommandGroup(
            "say what of motion can be measured, or fetch the networks for it",
            {
                "show": Command("what of motion can be measured here", "motion", "ShowMotion"),
                "fetch": Command("get the networks that find a body", "motion", "FetchNetworks"),
            },
        ),
        "completion": Command("complete commands and flags in your shell", "completion", "CompletionScript"),
        "version": Command("name the version", "version", "Version"),
    },
    "Research": {
        "data": CommandGroup(
            "import a benchmark's manifest, or check one",
            {
                "import": Command("make the manifest of a benchmark", "data", "Import"),
                "check": Command("look through a manifest before a long run", "data", "Check"),
            },
        ),
        "extract": Command("encode clips once and keep their features", "extract", "Extract"),
        "evaluate": Command("measure few-shot accuracy on a manifest", "evaluate", "Evaluate"),
        "train": Command("train the head on base classes", "train", "Train"),
        "table": CommandGroup(
            "ablations and comparisons on the same episodes",
            {
                "main": Command("the main comparison", "table", "Main"),
                "ablation": Command("what each part gives", "table", "Ablation"),
                "segmentation": Command("ways to cut a clip", "table", "Segmentation"),
                "stages": Command("numbers of stages", "table", "Stages"),
                "metric": Command("ways to compare clips", "table", "Metric"),
                "compare": Command("settings and methods of your choice", "table", "Compare"),
                "order": Command("actions that differ in their order alone", "table", "Order"),
            },
        ),
    },
}
"""The commands by what they are for."""
COMMANDS: Mapping[str, Command | CommandGroup] = {
    name: one for commands in OVERVIEW.values() for name, one in commands.items()
}
SPELLINGS = {"recognise": "recognize", "anatomise": "anatomize"}
"""Other spellings that are understood."""
