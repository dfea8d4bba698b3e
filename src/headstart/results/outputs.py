"""`outputs.safetensors`: what the models of a run gave for its tested items, exactly.

`predictions.csv` is for people; whoever measures again (by subgroup, against another run, after
int8) decodes these.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from headstart.errors import ModelError
from headstart.predictions import Predictions
from headstart.records import OutputSpec, to_json
from headstart.results.items import Items
from headstart.run import Run
from headstart.tasks import decode_parts
from headstart.tasks.protocol import Outputs

__all__ = ["Part", "read_parts", "read_predictions", "write_outputs"]

Part = tuple[np.ndarray, Outputs, OutputSpec]
"""(m,) int items, the outputs of one model for them, and what decodes those."""


def write_outputs(run: Run, parts: Sequence[Part]) -> None:
    """Writes the outputs of every round.

    Args:
        run: To fill.
        parts: Of each round; items are places in `items.csv`.
    """
    from safetensors.numpy import save

    arrays = {}
    for number, (items, outputs, _) in enumerate(parts):
        arrays[f"{number}.items"] = np.asarray(items, np.int64)
        for name, array in outputs.items():
            arrays[f"{number}.{name}"] = np.ascontiguousarray(array)
    specs = to_json([spec for _, _, spec in parts])
    # As bytes: safetensors' own files may be read by nobody but their owner.
    run.outputs.write_bytes(save(arrays, metadata={"specs": specs}))


def read_parts(run: Run) -> list[Part]:
    """Reads what `write_outputs` wrote.

    Raises:
        ModelError: If it is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(run.outputs, framework="numpy") as file:
            specs = json.loads(file.metadata()["specs"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        parts = []
        for number, spec in enumerate(specs):
            mine = {
                name.removeprefix(f"{number}."): array
                for name, array in arrays.items()
                if name.startswith(f"{number}.")
            }
            parts.append((mine.pop("items"), mine, OutputSpec.from_json(spec)))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{run.outputs} cannot be read ({error}); run 'headstart train' again"
        ) from None
    return parts


def read_predictions(run: Run, items: Items) -> tuple[np.ndarray, Predictions]:
    """Returns the (M,) int tested items of a run, ascending, and the answers to them.

    Raises:
        ModelError: If the outputs are missing or damaged.
    """
    return decode_parts(read_parts(run), items.dataset.names)
