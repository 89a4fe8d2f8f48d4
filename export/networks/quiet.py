"""Silence while optimum, torch and onnxruntime make a graph: they report of their own insides."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

_LOUD = ("optimum", "transformers", "onnxruntime", "torch.onnx", "fusion_base", "onnx_model", "sentence_transformers")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Lets warnings and worse pass, and nothing else.

    quantize_dynamic writes through the root logger, a line a tensor: hence logging.disable for everything below a
    warning.
    """
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
