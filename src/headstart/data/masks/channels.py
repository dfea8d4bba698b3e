"""Images whose channels lie in a file each, as nnU-Net has them: told, and refused."""

from __future__ import annotations

import re
from collections import defaultdict

from headstart.data.files.scan import Tree
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["refuse_channels"]

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})\.[^./]+")
_HOME = re.compile(r"images(tr|ts|val)", re.I)


def refuse_channels(tree: Tree) -> None:
    """Refuses images that are one of several channels: `imagesTr/x_0000.png`, `x_0001.png`.

    Raises:
        DataError: If most images of folders called so are.
    """
    channels: dict[str, list[str]] = defaultdict(list)
    for name in tree.names:
        home = name.rpartition("/")[0]
        found = _CHANNEL.fullmatch(name)
        if _HOME.fullmatch(home.rpartition("/")[2]) and found and int(found["channel"]) < 100:
            channels[found["case"]].append(name)
    several = [sorted(each) for each in channels.values() if len(each) > 1]
    if 2 * len(several) > len(channels):
        raise DataError(
            f"{tree.root} holds each image in several files, one for each channel, as nnU-Net has "
            f"them ({some_of(several[0], 3)}): one image is read at a time. Write three channels "
            f"as red, green and blue of one PNG, or keep those that end in _0000 alone"
        )
