"""Whether an engine gives the vector that a known text has: a driver that computes nonsense says so nowhere."""

import numpy as np

from penchant.errors import ProviderMissing
from serving.model.artifact import Artifact
from serving.model.engines import Engine

# A component's, where the folder names none. Engines' roundings differ by less (a unit row of 8-bit weights by 4e-3);
# another text's row, or a wrong kernel's, by ten times as much.
_TOLERANCE = 1e-2


def check(engine: Engine, artifact: Artifact) -> None:
    """Raises ProviderMissing where the folder's known text fails on this engine, or gets another vector there."""
    if artifact.probe is None:
        return
    ids = artifact.probe.ids[np.newaxis]
    try:
        row = engine.run(ids, np.ones_like(ids))[0]
    except Exception as error:  # whatever the runtime raises: it cannot be used
        raise ProviderMissing(f"a first text fails on {engine.provider} ({error})") from error
    off = float(np.abs(row - artifact.probe.row).max())
    allowed = artifact.manifest.get("tolerance") or _TOLERANCE
    if not off <= allowed:  # written so that NaN fails
        raise ProviderMissing(
            f"the vector of a known text is off by {off:.2g} in a component on {engine.provider}, above {allowed:g}: "
            "its driver and libraries do not compute this model as it was exported"
        )
