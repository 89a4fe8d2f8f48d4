"""All baselines that are run beside Penchant."""

from collections.abc import Callable, Collection, Sequence

from benchmarks.baselines.content import ContentInt8, ContentMean, TitleTfIdf
from benchmarks.baselines.knn import ItemKnn, LastItem, Together, VsKnn
from benchmarks.baselines.learned import EASE_FITS, EaseRefitted, OnlineBpr
from benchmarks.baselines.popular import Popular, PopularDecayed
from benchmarks.quality.methods import Method
from serving.arrays import Floats

EASE_EVERY = 2_500
_COUNTING = (Popular.name, PopularDecayed.name, LastItem.name, ItemKnn.name, VsKnn.name)
NAMES = (*_COUNTING, OnlineBpr.name, ContentMean.name, ContentInt8.name, TitleTfIdf.name, EaseRefitted.name)


def baselines(
    titles: Sequence[str], vectors: Floats, ease_every: int = EASE_EVERY, names: Collection[str] = NAMES
) -> list[Method]:
    """Those of some names, over items with these titles and vectors `(n, d) float32`; without what `left_out` names.

    ease_every: after how many events EASE is fitted again.
    """
    n = len(titles)
    together = Together(n)
    made: dict[str, Callable[[], Method]] = {
        Popular.name: lambda: Popular(n),
        PopularDecayed.name: lambda: PopularDecayed(n),
        LastItem.name: lambda: LastItem(together),
        ItemKnn.name: lambda: ItemKnn(together),
        VsKnn.name: lambda: VsKnn(n),
        OnlineBpr.name: lambda: OnlineBpr(n),
        ContentMean.name: lambda: ContentMean(vectors),
        ContentInt8.name: lambda: ContentInt8(vectors),
        TitleTfIdf.name: lambda: TitleTfIdf(titles),
        EaseRefitted.name: lambda: EaseRefitted(n, ease_every),
    }
    return [make() for name, make in made.items() if name in names and name not in left_out(n)]


def left_out(items: int) -> dict[str, str]:
    """Which baselines are not run on a set of so many items, and why."""
    if items <= EASE_FITS:
        return {}
    return {EaseRefitted.name: f"it inverts a matrix of items by items again and again: up to {EASE_FITS:,} items"}
