"""All baselines that are run beside Penchant."""

from collections.abc import Sequence

from benchmarks.baselines.content import ContentInt8, ContentMean, TitleTfIdf
from benchmarks.baselines.knn import ItemKnn, LastItem, Together, VsKnn
from benchmarks.baselines.learned import EASE_FITS, Ease, OnlineBpr
from benchmarks.baselines.popular import Popular, PopularDecayed
from benchmarks.quality.methods import Floats, Method


def baselines(titles: Sequence[str], vectors: Floats, ease_every: int = 2_500) -> list[Method]:
    """One of each, over items with these titles and vectors `(n, d) float32`.

    EASE, fitted again every `ease_every` events, only where its matrix is small enough to be inverted now and then.
    """
    n = len(titles)
    together = Together(n)
    made: list[Method] = [
        Popular(n),
        PopularDecayed(n),
        LastItem(together),
        ItemKnn(together),
        VsKnn(n),
        OnlineBpr(n),
        ContentMean(vectors),
        ContentInt8(vectors),
        TitleTfIdf(titles),
    ]
    return [*made, Ease(n, ease_every)] if n <= EASE_FITS else made
