"""The character error rate as an `evaluate` module: `evaluate.load(str(hf_bigru_asr.metrics.metric_path("cer")))`.

`evaluate` copies this file into its cache and imports it from there, so what it needs is imported by its full name.
"""

import evaluate

from hf_bigru_asr.metrics import character_error_counts
from hf_bigru_asr.metrics.evaluate_info import metric_info

_DESCRIPTION = """\
Character error rate of a corpus: substitutions, deletions and insertions of all utterances over the characters of all
references. Below 0.1 means that more than nine characters in ten are right; insertions can carry it beyond 1.
"""
_INPUTS = """
Args:
    predictions: Hypotheses, one string for each utterance, perhaps empty.
    references: Transcripts, in the same order. Pass both through hf_bigru_asr.text.normalize_transcript before.

Returns:
    A dictionary with cer, precision, recall, f1 (fractions) and substitutions, deletions, insertions, hits,
    num_characters (counts; the space between two words is a character).

Example:
    >>> import evaluate
    >>> from hf_bigru_asr.metrics import metric_path
    >>> metric = evaluate.load(str(metric_path("cer")))
    >>> metric.compute(predictions=["A COT"], references=["A CAT"])["cer"]
    0.2
"""


class Cer(evaluate.Metric):  # type: ignore[misc] # evaluate ships no types
    """Corpus-level character error rate with precision, recall and F1."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(_DESCRIPTION, _INPUTS)

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float | int]:
        return character_error_counts(references, predictions).as_dict("cer", "num_characters")
