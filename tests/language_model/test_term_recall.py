import json

import pytest

from hf_bigru_asr.language_model.term_recall import TermRecall, term_recall


def test_terms_are_counted() -> None:
    references = ["MOBY DICK AND AHAB", "AHAB SAID AHAB", "NO ONE"]
    texts = ["MOBY DICK DICK", "AHAB SAT", "AHAB NO AHAB MOBY DICK"]
    recall = term_recall(references, texts, ["AHAB", "MOBY DICK"], hours=0.5)
    assert recall == TermRecall(num_reference=4, num_found=2, num_false_alarms=3, hours=0.5)
    assert recall.recall == 0.5
    assert recall.false_alarms_per_hour == 6
    assert json.loads(json.dumps(recall.as_dict()))["recall"] == 0.5


def test_phrases_do_not_overlap() -> None:
    assert term_recall(["A A A A A"], [""], ["A A"], 1.0).num_reference == 2


def test_without_terms_in_the_references_there_is_no_recall() -> None:
    recall = term_recall(["A"], ["B"], ["B"], 1.0)
    assert recall.recall != recall.recall
    assert recall.as_dict()["recall"] is None
    assert recall.num_false_alarms == 1


def test_as_many_texts_as_references() -> None:
    with pytest.raises(ValueError, match="zip"):
        term_recall(["A"], [], ["A"], 1.0)
