import pytest

from hf_bigru_asr.formats.phrases import break_cost

FROM_BAD_TO_GOOD = [
    ["to|the river", "down|to the river"],
    ["flows and|turns", "flows|and turns"],
    ["I|KNOW WHY", "I KNOW|WHY", "I KNOW|WHEN"],
    ["HE DOESN'T|SLEEP", "WE SLEEP|LONG"],
    ["walked slowly|north", "walked slowly|because", "walked slowly,|almost", 'walked slowly."|Almost'],
    ["&|co", "and co|or"],
]


@pytest.mark.parametrize("texts", FROM_BAD_TO_GOOD, ids=lambda texts: texts[0])
def test_phrases_stay_together(texts: list[str]) -> None:
    costs = []
    for text in texts:
        left, right = text.split("|")
        costs.append(break_cost(left.split()[-1], right.split()[0], 0))

    assert costs == sorted(set(costs), reverse=True)


def test_after_a_pause_it_does_not_matter_which_words_they_are() -> None:
    assert break_cost("the", "river", 450) == break_cost("stop.", "The", 0)
    assert break_cost("the", "river", 0) > break_cost("the", "river", 100) > break_cost("the", "river", 450)
