"""Every action that can be rendered, by label."""

from collections.abc import Mapping
from types import MappingProxyType

from lga.demo import indoors, sports
from lga.demo.pose import Action

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "sit down": indoors.SIT_DOWN,
        "stand up": indoors.SIT_DOWN.reversed(),
        "pick up": indoors.PICK_UP,
        "put down": indoors.PICK_UP.reversed(),
        "wave": indoors.WAVE,
        "drink from cup": indoors.DRINK,
        "open door": indoors.OPEN_DOOR,
        "climb stairs": indoors.CLIMB_STAIRS,
        "push cart": indoors.PUSH_CART,
        "kick ball": sports.KICK_BALL,
        "throw ball": sports.THROW_BALL,
        "swing golf club": sports.SWING_GOLF_CLUB,
        "pull up": sports.PULL_UP,
        "jump": sports.JUMP,
    }
)
"""`sit down` and `stand up`, `pick up` and `put down` are each other's key poses reversed"""
