"""torchaudio's beam search over the words of a lexicon, with the files of a language model and with hotwords."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .hotwords import HotwordPhrases
from .processing_bigru_ctc import LEXICON_NAME, MODEL_NAME
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["lexicon_words", "load_lexicon_decoder"]

_UNKNOWN = "<unk>"


def load_lexicon_decoder(
    folder: str | Path, tokenizer: BiGRUCTCTokenizer, hotwords: Mapping[str, float], **options: Any
) -> Any:  # noqa: ANN401 - torchaudio's class, whose module does not import without the extra
    """A `torchaudio.models.decoder.CTCDecoder`.

    Args:
        folder: A language model as `scripts/build_lm.py` writes it: `lm.binary` and `lexicon.txt`.
        tokenizer: Gives the symbols of the classes.
        hotwords: Weights by phrase, see [`HotwordPhrases`].
        options: Weights and widths of `torchaudio.models.decoder.ctc_decoder`.

    Raises:
        ImportError: If the extra `lm` is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols that the tokenizer has not.
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

        from .hotword_lm import HotwordLM
    except (ImportError, RuntimeError) as error:  # torchaudio makes the one into the other
        raise ImportError(
            "Beam search needs the extra `lm`: pip install 'hf-bigru-asr[lm]'. Greedy decoding works without it."
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
    """The words of a language model's lexicon, and the units of words that are spelled."""
    return frozenset(word for word, _ in _entries(Path(folder) / LEXICON_NAME))


def _read_words(path: Path, symbols: frozenset[str], delimiter: str) -> dict[str, None]:
    """The words of a lexicon in their order, each once; their spellings are checked."""
    words: dict[str, None] = {}
    for number, (word, spelling) in enumerate(_entries(path), 1):
        unknown = sorted(set(spelling) - symbols)
        if unknown or not spelling:
            raise ValueError(
                f"Line {number} of {path}, {' '.join([word, *spelling])!r}, has "
                + (f"symbols outside the alphabet: {' '.join(unknown)}." if unknown else "a word and no spelling.")
                + f" A line is a word and its characters, from {' '.join(sorted(symbols))}, {delimiter} last."
            )
        words[word] = None
    return words


def _entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Word and spelling of every line of a lexicon."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            word, *spelling = line.split() or [""]
            yield word, spelling
