"""Names of languages, and those that a model is asked for."""

import pytest

from hf_bigru_asr.text.language_names import LANGUAGE_NAMES, check_language, language_name
from hf_bigru_asr.text.languages import NO_RULES, language_names


def test_every_language_with_rules_has_a_name() -> None:
    assert sorted(LANGUAGE_NAMES) == sorted(set(language_names()) - {NO_RULES})
    assert [language_name(language) for language in ("de", NO_RULES)] == ["german", "unknown"]


@pytest.mark.parametrize("given", ["de", "DE", "de-AT", "de_de", " German "])
def test_a_model_takes_its_own_language(given: str) -> None:
    check_language(given, "de")


@pytest.mark.parametrize("given", ["en", "english", "deu", "germany", "", "d"])
def test_other_languages_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is not the language of the model, which recognises German alone: give de"):
        check_language(given, "de")


def test_a_model_without_rules_says_no_language() -> None:
    with pytest.raises(ValueError, match="'en' cannot be checked: the model does not say"):
        check_language("en", NO_RULES)
