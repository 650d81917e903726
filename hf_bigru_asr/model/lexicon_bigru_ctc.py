"""Lexicon of a language model, and torchaudio's beam search over its words, with hotwords."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["UNIT_END", "UNIT_INSIDE", "lexicon_words", "load_lexicon_decoder"]

UNIT_INSIDE, UNIT_END = "~", "$"
"""Second characters of the one-letter units of spelled words: `Q~` inside a word, `Q$` at its end."""
_UNKNOWN = "<unk>"


def load_lexicon_decoder(
    folder: str | Path, tokenizer: BiGRUCTCTokenizer, hotwords: Mapping[str, float], **options: Any
) -> Any:  # noqa: ANN401 - torchaudio's class, whose module does not import without the extra
    """Return a `torchaudio.models.decoder.CTCDecoder` with a lexicon, an n-gram and hotwords.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`.
        tokenizer: Has the symbols of the classes.
        hotwords: Weights by phrase, see [`HotwordPhrases`].
        options: Weights and widths of `torchaudio.models.decoder.ctc_decoder`.

    Raises:
        ImportError: If the extra `lm` is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols that the tokenizer does not have.
    """
    model_path, lexicon_path = (Path(folder) / name for name in (MODEL_NAME, LEXICON_NAME))
    for path in (model_path, lexicon_path):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; scripts/build_lm.py makes a language model.")
    symbols = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    delimiter = tokenizer.word_delimiter_token
    words = _read_words(lexicon_path, frozenset(symbols) - {tokenizer.pad_token}, delimiter)
    try:
        from torchaudio.models.decoder import ctc_decoder

        from .hotword_lm_bigru_ctc import HotwordLM
    except (ImportError, RuntimeError) as error:  # torchaudio turns an ImportError into a RuntimeError
        raise ImportError(
            "Beam search needs the extra `lm`: pip install flashlight-text kenlm. Greedy decoding works without it."
        ) from error
    options |= {"tokens": symbols, "blank_token": tokenizer.pad_token, "sil_token": delimiter, "unk_word": _UNKNOWN}
    try:
        if not hotwords:
            return ctc_decoder(lexicon=str(lexicon_path), lm=str(model_path), **options)
        phrases = HotwordPhrases(hotwords)
        added = sorted(phrases.words - words.keys())
        words |= dict.fromkeys(added) | {_UNKNOWN: None}
        language_model = HotwordLM(model_path, list(words), phrases, options["lm_weight"])
        with tempfile.TemporaryDirectory() as temporary:
            lexicon, index = Path(temporary) / "lexicon", Path(temporary) / "index"
            entries = "".join(f"{word} {' '.join(word)} {delimiter}\n" for word in added)
            lexicon.write_text(lexicon_path.read_text(encoding="utf-8") + entries, encoding="utf-8")
            index.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
            return ctc_decoder(lexicon=str(lexicon), lm_dict=str(index), lm=language_model, **options)
    except (RuntimeError, OSError) as error:
        raise ValueError(f"{model_path} is no language model that KenLM reads: {error}") from error


def lexicon_words(folder: str | Path) -> frozenset[str]:
    """Return the words of a language model's lexicon, with the units of spelled words among them."""
    return frozenset(word for word, _ in _entries(Path(folder) / LEXICON_NAME))


def _read_words(path: Path, symbols: frozenset[str], delimiter: str) -> dict[str, None]:
    """Check the spellings of a lexicon and return its words in order, each once."""
    words: dict[str, None] = {}
    for number, (word, spelling) in enumerate(_entries(path), 1):
        if fault := _fault(word, spelling, symbols, delimiter):
            raise ValueError(
                f"Line {number} of {path}, {' '.join([word, *spelling])!r}, has {fault}. A line is a word and its "
                f"characters, from {' '.join(sorted(symbols))}, {delimiter} last."
            )
        words[word] = None
    if not words:
        raise ValueError(f"{path} has no words; scripts/build_lm.py makes a language model.")
    return words


def _fault(word: str, spelling: list[str], symbols: frozenset[str], delimiter: str) -> str | None:
    """Return what is wrong with an entry of a lexicon, or `None`."""
    if not spelling:
        return "a word and no spelling"
    is_unit = len(word) == 2 and word[1] in (UNIT_INSIDE, UNIT_END)
    has_end = spelling[-1] == delimiter
    used = {*(spelling[:-1] if has_end else spelling), *(word[0] if is_unit else word)}
    if unknown := sorted(used - (symbols - {delimiter})):
        return f"symbols outside the alphabet: {' '.join(unknown)}"
    if is_unit and word[1] == UNIT_INSIDE:
        return f"{delimiter} at its end, and is a letter inside a word" if has_end else None
    return None if has_end else f"no {delimiter} at its end"


def _entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the word and the spelling of every line of a lexicon."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            word, *spelling = line.split() or [""]
            yield word, spelling
