"""The vocabulary of other data or another language, and an output layer that fits it."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..data.utterances import utterance_text
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from ..text.languages import NO_RULES, normalize_text, standard_letters

__all__ = ["ClassSources", "fit_output", "tokenizer_for_texts"]


def tokenizer_for_texts(
    texts: Iterable[object], language: str = "en", like: BiGRUCTCTokenizer | None = None
) -> BiGRUCTCTokenizer:
    """Tokenizer with the characters of transcripts, as the rules of a language write them.

    It has the letters of the language too, whether they occur or not. Texts that the rules refuse are passed over;
    `filter_utterances` leaves them out and names them.

    Args:
        texts: Transcripts as people write them, those of the training data for example.
        language: Name of the rules, one of `hf_bigru_asr.text.languages.language_names()`. They are saved with it.
        like: Tokenizer whose settings are kept, and whose characters too if it is of the same language.

    Returns:
        Its classes are the blank, the word delimiter, and the characters by code point. With `none` lower-case letters
        are classes of their own.

    Raises:
        ValueError: If there are no rules of this name, or no text at all can be used.

    Example:
        >>> tokenizer = tokenizer_for_texts(["Schöne Grüße!"], "de")
        >>> len(tokenizer), tokenizer.language, "ẞ" in tokenizer.get_vocab()
        (33, 'de', True)
    """
    found = set(standard_letters(language))
    num_used = 0
    for text in texts:
        try:
            found |= set(normalize_text(utterance_text(text), language))
            num_used += 1
        except ValueError:
            continue
    if not num_used:
        raise ValueError(f"No text can be written by the rules of {language!r}; choose those of its language.")
    settings: dict[str, object] = {"do_upper_case": language != NO_RULES, "language": language}
    if like is not None:
        special = {str(like.pad_token), like.word_delimiter_token}
        if like.language == language:
            found |= like.get_vocab().keys() - special
        settings |= {
            "pad_token": str(like.pad_token),
            "word_delimiter_token": like.word_delimiter_token,
            "pause_frames": like.pause_frames,
        }
    return BiGRUCTCTokenizer.from_characters(sorted(found - {" "}), **settings)


@dataclass(frozen=True)
class ClassSources:
    """Where the weights of new classes come from.

    Args:
        kept: Symbols that the model had.
        derived: Symbols that begin as another, by their symbol: `Ä` as `A`.
        new: Symbols that begin with the mean of all.
        dropped: Symbols that the model had, and has no more.
    """

    kept: tuple[str, ...]
    derived: dict[str, str]
    new: tuple[str, ...]
    dropped: tuple[str, ...]

    def __str__(self) -> str:
        derived = ", ".join(f"{symbol} as {source}" for symbol, source in self.derived.items())
        groups = {"kept": "".join(self.kept), "begun": derived, "new": "".join(self.new)}
        groups["dropped"] = "".join(self.dropped)
        return "; ".join(f"{name}: {symbols}" for name, symbols in groups.items() if symbols)


def fit_output(model: BiGRUForCTC, before: BiGRUCTCTokenizer, after: BiGRUCTCTokenizer) -> ClassSources:
    """Give a trained model the classes of another tokenizer. The encoder and the classes that stay keep their weights.

    A letter that the model does not have begins as that which it is without its diacritics, or in the other case.

    Args:
        model: Its output layer is replaced.
        before: The tokenizer it was trained with.
        after: The tokenizer to train it with.

    Returns:
        Where the weights of each class come from.

    Raises:
        ValueError: If `before` is the tokenizer of another model.
    """
    if len(before) != model.config.vocab_size:
        raise ValueError(
            f"The tokenizer has {len(before)} symbols and the model {model.config.vocab_size} classes; give the "
            "tokenizer that the model was trained with."
        )
    old, new = before.get_vocab(), after.get_vocab()
    special = {str(after.pad_token): str(before.pad_token), after.word_delimiter_token: before.word_delimiter_token}
    own = {symbol: index for symbol, index in old.items() if symbol not in special.values()}
    sources = {
        symbol: special[symbol] if symbol in special else _source(symbol, own)
        for symbol in sorted(new, key=new.__getitem__)
    }
    blank = after.pad_token_id
    model.replace_output_classes(
        [None if source is None else old[source] for source in sources.values()], 0 if blank is None else int(blank)
    )
    letters = {symbol: source for symbol, source in sources.items() if symbol not in special}
    return ClassSources(
        tuple(symbol for symbol, source in letters.items() if source == symbol),
        {symbol: source for symbol, source in letters.items() if source not in (None, symbol)},
        tuple(symbol for symbol, source in letters.items() if source is None),
        tuple(symbol for symbol in own if symbol not in letters),
    )


def _source(symbol: str, own: dict[str, int]) -> str | None:
    """The symbol whose weights a letter begins with."""
    bare = unicodedata.normalize("NFD", symbol)[0]
    found = {"\u00df": "S", "\u1e9e": "S"}.get(symbol, bare)
    forms = (symbol, symbol.upper(), symbol.lower(), found, found.upper(), found.lower())
    return next((form for form in forms if form in own), None)
