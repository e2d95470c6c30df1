import os

import pytest

from lga.motion.encoder import available_motion


@pytest.fixture(scope="module")
def pose():
    """The networks that find a body are those of this machine, whatever the other tests see; skipped without them."""
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("LGA_POSE") == os.devnull:
            patch.delenv("LGA_POSE")
        motion, why = available_motion("flow+pose")
        if motion != "flow+pose":
            pytest.skip(why)
        yield
