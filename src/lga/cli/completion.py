"""`lga completion`."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from lga.cli.commands import COMMANDS, Command, CommandGroup


@dataclass(frozen=True)
class CompletionScript:
    """Print a script with which your shell completes commands, flags and their values.

    For bash: lga completion bash > ~/.local/share/bash-completion/completions/lga

    For zsh, with ~/.zfunc in fpath: lga completion zsh > ~/.zfunc/_lga

    For fish: lga completion fish > ~/.config/fish/completions/lga.fish

    Example: lga completion bash > ~/.local/share/bash-completion/completions/lga
    """

    shell: Positional[Literal["bash", "zsh", "fish", "tcsh"]]
    """your shell"""

    def run(self) -> int:
        """Print it."""
        commands = _either(COMMANDS)
        marks = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
        try:
            tyro.cli(commands, prog="lga", args=["--tyro-print-completion", self.shell], config=marks)
        except SystemExit as done:
            return int(done.code or 0)
        return 0


def _either(commands: Any) -> Any:
    """One type for all commands, as tyro reads them."""
    return reduce(or_, (_one(name, command) for name, command in commands.items()))


def _one(name: str, command: Command | CommandGroup) -> Any:
    settings = command.load() if isinstance(command, Command) else _either(command.commands)
    return Annotated[settings, tyro.conf.subcommand(name)]
