"""What a review without a rating counts: its preference follows how much its text likes the item. Pure."""

from dataclasses import replace

import numpy as np

from serving.model.sentiment import Sentiment
from serving.state.user_state import Vector
from stream.events.decoder import Event
from stream.events.weights import Weight, WeightRange, blamed


def adjusted(event: Event, text: Vector | None, head: Sentiment | None) -> Event:
    """The event with the preference that its text gives it; as it is without a range, a head, or the text's vector.

    From the preference of the weights file it goes in proportion to the sentiment: up to the best rating's at 1, down
    to the worst's at -1, and below where the text blames. It depends on the text alone, and is rounded as the ring
    stores it. text: `(d,) float32`.
    """
    if event.weight_range is None or text is None or head is None:
        return event
    preference = moved(event.weight.preference, event.weight_range, float(head.of(text[np.newaxis])[0]))
    return replace(event, weight=Weight(event.weight.covisit, preference))


def moved(preference: float, weight_range: WeightRange, liking: float) -> float:
    """A preference on its way to one end of the range, less what it counts to blame. liking: -1 to 1.

    >>> [moved(0.5, WeightRange(0.0, 0.75), liking) for liking in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    [0.0, 0.25, 0.5, 0.625, 0.75]
    """
    end = weight_range.highest if liking > 0 else weight_range.lowest
    return float(np.float16(preference + abs(liking) * (end - preference) - blamed(weight_range.blame, liking)))
