"""Names of the languages of models, as clients and command lines write them. Nothing heavy is imported."""

__all__ = ["LANGUAGE_NAMES", "check_language", "language_name"]

LANGUAGE_NAMES = {
    "en": "english",
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "pl": "polish",
    "pt": "portuguese",
    "ru": "russian",
}
"""By ISO 639-1; those of `language_names()`, the name without rules apart."""


def language_name(language: str) -> str:
    """English name of the language that a tokenizer names, in lower case; `"unknown"` if it has no rules."""
    return LANGUAGE_NAMES.get(language, "unknown")


def check_language(given: str, language: str) -> None:
    """Refuse a language that is not that of a model.

    Args:
        given: What was asked for: a code, with or without a region (`de`, `de-AT`), or an English name.
        language: That of the tokenizer of the model.

    Raises:
        ValueError: If it is another one, or the model does not say which it has.

    Example:
        >>> check_language("en_US", "en")
        >>> check_language("English", "de")
        Traceback (most recent call last):
            ...
        ValueError: 'English' is not the language of the model, which recognises German alone: give de, or nothing.
    """
    name = LANGUAGE_NAMES.get(language)
    if name is None:
        raise ValueError(f"{given!r} cannot be checked: the model does not say what language it has. Give nothing.")
    wanted = given.strip().lower().replace("_", "-")
    if wanted != name and wanted.partition("-")[0] != language:
        raise ValueError(
            f"{given[:100]!r} is not the language of the model, which recognises {name.title()} alone: "
            f"give {language}, or nothing."
        )
