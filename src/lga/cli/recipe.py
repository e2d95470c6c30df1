"""Recipes: complete settings in TOML, shipped by name or the user's own file."""

import tomllib
from collections.abc import Sequence
from dataclasses import field, make_dataclass
from importlib.resources import files
from pathlib import Path

from lga.cli.train import Train
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import SettingsError


def from_recipe(arguments: Sequence[str]) -> type[Train]:
    """`lga train` with the defaults of the recipe that the arguments name; as it is where they name none.

    Raises:
        SettingsError: there is no such recipe, or it is not one.
    """
    for one, after in zip(arguments, [*arguments[1:], ""], strict=True):
        if one == "--recipe" or one.startswith("--recipe="):
            groups = read_recipe(after if one == "--recipe" else one.removeprefix("--recipe="))
            names = ("backbone", "method", "train")
            usual = [(name, type(group), field(default=group)) for name, group in zip(names, groups, strict=True)]
            return make_dataclass("Train", usual, bases=(Train,), frozen=True, namespace={"__doc__": Train.__doc__})
    return Train


def read_recipe(name: str) -> tuple[BackboneConfig, MethodConfig, TrainConfig]:
    """A TOML file, or a shipped recipe by its name, with the tables backbone, method and train.

    Raises:
        SettingsError: there is no such recipe, or it is not one.
    """
    shipped = files("lga.training.recipes")
    names = sorted(one.name.removesuffix(".toml") for one in shipped.iterdir() if one.name.endswith(".toml"))
    try:
        text = (shipped / f"{name}.toml" if name in names else Path(name)).read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--recipe {name}: no such file; the shipped recipes are {', '.join(names)}") from error
    except (ValueError, RecursionError) as error:  # no TOML, or a number or a nesting beyond what Python reads
        raise SettingsError(f"--recipe {name}: not TOML that can be read: {error}") from error
    groups = {"backbone": BackboneConfig, "method": MethodConfig, "train": TrainConfig}
    unknown = sorted(tables.keys() - groups.keys())
    if unknown or not all(isinstance(one, dict) for one in tables.values()):
        raise SettingsError(f"--recipe {name}: a recipe has the tables backbone, method and train and nothing else")
    try:
        return (
            BackboneConfig(**tables.get("backbone", {})),
            MethodConfig(**tables.get("method", {})),
            TrainConfig(**tables.get("train", {})),
        )
    except SettingsError as error:
        raise SettingsError(f"--recipe {name}: {error}") from error
