"""Measure methods on few-shot episodes: `load` clips, draw `episodes`, `run` methods, read off their `accuracy`."""

from lga.evaluation.research import accuracy as accuracy
from lga.evaluation.research import episodes as episodes
from lga.evaluation.research import load as load
from lga.evaluation.research import run as run
from lga.methods.catalogue import METHODS as METHODS
from lga.methods.catalogue import MethodEntry as MethodEntry
from lga.methods.protocol import Dataset as Dataset
from lga.methods.protocol import Scorer as Scorer
from lga.methods.protocol import Tasks as Tasks

__all__ = ["METHODS", "Dataset", "MethodEntry", "Scorer", "Tasks", "accuracy", "episodes", "load", "run"]
