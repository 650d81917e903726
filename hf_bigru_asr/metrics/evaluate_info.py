"""What the `evaluate` modules of the word and the character error rate have in common."""

import datasets
import evaluate

__all__ = ["metric_info"]

_CITATION = """\
@inproceedings{morris2004,
    author = {Morris, Andrew and Maier, Viktoria and Green, Phil},
    title = {From {WER} and {RIL} to {MER} and {WIL}: improved evaluation measures for connected speech recognition},
    booktitle = {Interspeech},
    year = {2004}
}
"""
_REFERENCE_URL = "https://jitsi.github.io/jiwer/"


def metric_info(description: str, inputs_description: str) -> evaluate.MetricInfo:
    """Describe an error rate of predictions and references, a string each.

    Args:
        description: What it measures.
        inputs_description: Its arguments, what it returns, and an example.
    """
    return evaluate.MetricInfo(
        description=description,
        citation=_CITATION,
        inputs_description=inputs_description,
        features=datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")}),
        reference_urls=[_REFERENCE_URL],
    )
