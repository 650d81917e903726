"""The choice between two searches."""

import numpy as np
import pytest

from hf_bigru_asr.model import word_search_bigru_ctc
from hf_bigru_asr.model.found_path_bigru_ctc import FoundPath, no_check
from hf_bigru_asr.model.word_search_bigru_ctc import QuickStartSearch, WordSearch


class Makers:
    """Make searches that find their own names, and note which were made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def quick(self) -> WordSearch:
        return self._search("quick")

    def fast(self) -> WordSearch:
        return self._search("fast")

    def _search(self, name: str) -> WordSearch:
        self.made.append(name)
        return lambda scores, check=no_check: [FoundPath([name], 0.0, np.zeros(1, dtype=np.int64))]


def used(search: QuickStartSearch, *lengths: int) -> list[str]:
    """Which search utterances of so many frames get."""
    return [search(np.zeros((length, 4), dtype=np.float32))[0].words[0] for length in lengths]


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> Makers:
    monkeypatch.setattr(word_search_bigru_ctc, "QUICK_FRAMES", 100)
    return Makers()


def test_the_search_that_is_ready_sooner_makes_way_for_the_faster_one(makers: Makers) -> None:
    search = QuickStartSearch(makers.quick, makers.fast, 60)
    assert used(search, 60, 40, 1, 5) == ["quick", "quick", "fast", "fast"]
    assert makers.made == ["quick", "fast"]


def test_a_long_utterance_has_the_faster_search_at_once(makers: Makers) -> None:
    assert used(QuickStartSearch(makers.quick, makers.fast, 60), 101) == ["fast"]
    assert makers.made == ["fast"]


def test_memory_is_saved_by_the_search_that_is_ready_sooner(makers: Makers) -> None:
    search = QuickStartSearch(makers.quick, makers.fast, 60, saves_memory=True)
    assert used(search, 60, 200, 60, 61, 1) == ["quick", "quick", "fast", "quick", "fast"]
    assert makers.made == ["quick", "fast"]


def test_a_long_recording_needs_one_search_alone(makers: Makers) -> None:
    """Two take 100 MB more than one."""
    search = QuickStartSearch(makers.quick, makers.fast, 60, saves_memory=True)
    search.save_memory()
    assert used(search, 60, 200, 60, 61, 1) == ["quick"] * 5
    assert makers.made == ["quick"]


def test_the_faster_search_is_used_where_it_is_made_already(makers: Makers) -> None:
    search = QuickStartSearch(makers.quick, makers.fast, 60)
    assert used(search, 101) == ["fast"]
    search.save_memory()
    assert used(search, 60, 61) == ["fast", "quick"]


def test_the_faster_search_can_have_the_first_frame(makers: Makers) -> None:
    search = QuickStartSearch(makers.quick, makers.fast, 60)
    search.make_fast()
    assert used(search, 1, 200) == ["fast", "fast"]
    assert makers.made == ["fast"]
