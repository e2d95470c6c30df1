"""`lga serve`."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from lga.cli.options import stderr, stdout
from lga.config import BackboneConfig, MethodConfig
from lga.serve.settings import ServeConfig, is_loopback, read_token


@dataclass(frozen=True)
class Serve:
    """Teach and recognise in a browser, or over HTTP from any program.

    ACTIONS is a folder that `lga teach` wrote, or one that is not there yet: then nothing is taught, and --backbone
    and the method's settings count. Changes are saved there at once, and what other servers and the
    command line change there is seen at once. Clips that are uploaded as examples are kept in ACTIONS/clips; clips to
    recognise are not kept.

    Example: lga serve my_actions/
    """

    actions: Positional[Path]
    """folder of taught actions, new or there already"""
    server: ServeConfig = field(default_factory=ServeConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Serve until Ctrl-C."""
        from lga.errors import LGAError

        token = read_token(self.server)
        try:
            from lga.serve.app import open_app
            from lga.serve.listen import address_of, listen, open_port
        except ModuleNotFoundError as error:
            raise LGAError(f"the server needs {error.name}: pip install 'lga[serve]'") from error
        folder, config = self.actions.absolute(), self.server
        how = "open it in a browser" if is_loopback(config.host) else "bring the token"
        with closing(open_port(config)) as port:
            told = f"serving {self.actions}: {address_of(port)} ({how}; Ctrl-C stops)"
            stderr().print(f"loading {folder}", soft_wrap=True)
            with open_app(folder, config, token=token, backbone=self.backbone, method=self.method) as app:
                listen(app, port, config, ready=lambda: stdout().print(told, soft_wrap=True))
        stderr().print("stopped")
        return 0
