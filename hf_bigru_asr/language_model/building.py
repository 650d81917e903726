"""Estimation of an open-vocabulary word n-gram from text, in KenLM's binary format, with the decoder's lexicon.

Words outside the vocabulary are spelled as units of one letter: QUOTH becomes `Q~ U~ O~ T~ H$`, where `$` marks the
last letter. The n-gram is estimated over words and units together. So every string of letters has a probability, and
a decoder can write words that the text does not have.

Source: M. Bisani, H. Ney, "Open vocabulary speech recognition with flat hybrid models", Interspeech 2005; K. Heafield,
I. Pouzyrevsky, J. H. Clark, P. Koehn, "Scalable modified Kneser-Ney language model estimation", ACL 2013.
"""

import json
import math
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..model.language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME, RECORD_NAME, file_checksums
from ..model.lexicon_bigru_ctc import UNIT_END, UNIT_INSIDE
from ..storage.writing import whole_folder
from ..text.normalization import ALPHABET, normalize_transcript

__all__ = [
    "LanguageModelSettings",
    "TextScore",
    "build_language_model",
    "lexicon_entries",
    "rarest_words",
    "score_sentences",
    "spell",
]

WORD_DELIMITER = "|"
_LETTERS = ALPHABET.replace(" ", "")
# Beyond this many different words those that occur once are dropped from the counts, so that memory is bounded.
_MAX_COUNTED = 5_000_000
_INSTALL = (
    "KenLM's estimator is a program that is not part of its Python package. Build it from the same sources "
    "with cmake, a C++ compiler and Boost, and give --kenlm_bin kenlm-build/bin: pip download --no-deps --no-binary "
    "kenlm kenlm && tar xf kenlm-*.tar.gz && cmake -S kenlm-[0-9]*/ -B kenlm-build -DCMAKE_BUILD_TYPE=Release && "
    "cmake --build kenlm-build --target lmplz build_binary"
)


@dataclass(frozen=True)
class LanguageModelSettings:
    """Size and shape of a language model.

    Args:
        order: Length of the longest n-grams.
        prune: For each order from 1 on, the count up to which n-grams are pruned; the last value holds for all higher
            orders. KenLM does not prune unigrams, so the first value is 0.
        max_words: Maximum size of the vocabulary, by frequency; other words are spelled.
        min_count: Minimum number of occurrences of a word of the vocabulary.
        quantization_bits: Bits of a stored probability or back-off weight.
    """

    order: int = 3
    prune: tuple[int, ...] = (0, 1, 2)
    max_words: int = 60_000
    min_count: int = 3
    quantization_bits: int = 8

    def __post_init__(self) -> None:
        """Check the values."""
        if not 2 <= self.order <= 6:
            raise ValueError(f"order is {self.order}; KenLM is built for orders from 2 to 6.")
        if not self.prune or self.prune[0] != 0 or list(self.prune) != sorted(self.prune):
            raise ValueError(f"prune is {self.prune}; give counts that begin with 0 and do not fall.")
        if self.max_words < 1 or self.min_count < 1:
            raise ValueError(f"max_words is {self.max_words} and min_count {self.min_count}; both must be at least 1.")
        if not 2 <= self.quantization_bits <= 25:
            raise ValueError(f"quantization_bits is {self.quantization_bits}; it must be from 2 to 25.")


def spell(word: str) -> list[str]:
    """Return the units of a word outside the vocabulary: `["I~", "T$"]` for IT."""
    return [letter + UNIT_INSIDE for letter in word[:-1]] + [word[-1] + UNIT_END]


def lexicon_entries(words: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a lexicon file: every word and every unit with its spelling."""
    for word in words:
        yield f"{word} {' '.join(word)} {WORD_DELIMITER}"
    for letter in _LETTERS:
        yield f"{letter}{UNIT_INSIDE} {letter}"
        yield f"{letter}{UNIT_END} {letter} {WORD_DELIMITER}"


def count_words(sentences: Iterable[str]) -> Counter[str]:
    """Count the words of normalised sentences; in very large texts the rarest are dropped."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence.split())
        if len(counts) > _MAX_COUNTED:
            counts = Counter({word: count for word, count in counts.items() if count > 1})
    return counts


def build_language_model(
    sentences: Iterable[str],
    output_dir: str | Path,
    settings: LanguageModelSettings,
    *,
    exclude: Iterable[str] = (),
    kenlm_bin: str | Path | None = None,
    memory: str = "1G",
) -> dict[str, Any]:
    """Estimate a language model and write it with its lexicon and a record of both.

    Args:
        sentences: Text, in any case and with punctuation. It is read once and kept in a temporary file.
            [`NormalizedLines`] reads a file and skips lines that cannot be normalised.
        output_dir: Folder for `lm.binary`, `lexicon.txt` and `language_model.json`.
        settings: Size and shape.
        exclude: Normalised sentences to leave out, of a test split for example.
        kenlm_bin: Folder with KenLM's programs `lmplz` and `build_binary`; they are searched on the path if `None`.
        memory: Memory that `lmplz` may use, in its own notation.

    Returns:
        The record: settings, numbers of sentences, words, n-grams and bytes.

    Raises:
        FileNotFoundError: If a program is missing; the message says how to build it.
        ValueError: If there is no text, or it has characters that no rule covers.
        RuntimeError: If a program fails; the message ends with the program's own.
        OSError: If the disk takes no more.
    """
    lmplz, build_binary = (_program(name, kenlm_bin) for name in ("lmplz", "build_binary"))
    with whole_folder(output_dir) as folder:
        return _estimate(sentences, folder, settings, frozenset(exclude), (lmplz, build_binary), memory)


def _estimate(
    sentences: Iterable[str],
    folder: Path,
    settings: LanguageModelSettings,
    excluded: frozenset[str],
    programs: tuple[str, str],
    memory: str,
) -> dict[str, Any]:
    """Write the files of a language model into a folder and return the record."""
    lmplz, build_binary = programs
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        text, spelled, arpa, binary = (Path(temporary) / name for name in ("text", "spelled", "arpa", MODEL_NAME))
        num_sentences = _write_text(sentences, excluded, text)
        with text.open(encoding="utf-8") as stream:
            counts = count_words(stream)
        words = _vocabulary(counts, settings)
        _write_spelled(text, frozenset(words), spelled)
        pruning = ["--prune", *map(str, settings.prune[: settings.order])]
        options = ["-o", str(settings.order), "-S", memory, "-T", temporary, "--discount_fallback", *pruning]
        _run([lmplz, *options, "--text", str(spelled), "--arpa", str(arpa)])
        bits = str(settings.quantization_bits)
        _run([build_binary, "-q", bits, "-b", bits, "-a", "22", "trie", str(arpa), str(binary)])
        ngrams = _num_ngrams(arpa)
        shutil.move(binary, folder / MODEL_NAME)
    lexicon = "".join(f"{line}\n" for line in lexicon_entries(words))
    (folder / LEXICON_NAME).write_text(lexicon, encoding="utf-8")
    num_words = sum(counts.values())
    record = {
        **asdict(settings),
        "num_sentences": num_sentences,
        "num_running_words": num_words,
        "num_words": len(words),
        "spelled_share": 1 - sum(counts[word] for word in words) / num_words,
        "num_ngrams": ngrams,
        "num_bytes": sum((folder / name).stat().st_size for name in (MODEL_NAME, LEXICON_NAME)),
        "checksums": file_checksums(folder),
    }
    (folder / RECORD_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def _write_text(sentences: Iterable[str], excluded: frozenset[str], path: Path) -> int:
    """Write the sentences, normalised, one a line; return how many there are."""
    num_sentences = 0
    with path.open("w", encoding="utf-8") as stream:
        for sentence in map(normalize_transcript, sentences):
            if sentence and sentence not in excluded:
                stream.write(f"{sentence}\n")
                num_sentences += 1
    if num_sentences == 0:
        raise ValueError("There is no text; give at least one sentence.")
    return num_sentences


def _vocabulary(counts: Counter[str], settings: LanguageModelSettings) -> list[str]:
    common = counts.most_common(settings.max_words)
    return sorted(word for word, count in common if count >= settings.min_count)


def _write_spelled(text: Path, vocabulary: frozenset[str], path: Path) -> None:
    """Write the sentences of a file with every word outside the vocabulary spelled."""
    with text.open(encoding="utf-8") as stream, path.open("w", encoding="utf-8") as target:
        for line in stream:
            tokens = (token for word in line.split() for token in ([word] if word in vocabulary else spell(word)))
            target.write(" ".join(tokens) + "\n")


def _program(name: str, folder: str | Path | None) -> str:
    path = shutil.which(name) if folder is None else shutil.which(name, path=str(folder))
    if path is None:
        where = "on the path" if folder is None else f"in {folder}"
        raise FileNotFoundError(f"There is no program {name} {where}. {_INSTALL}")
    return path


def _run(command: Sequence[str]) -> None:
    """Run a program of KenLM; an error ends with the program's own message."""
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with status {result.returncode}: {result.stderr.strip()[-2000:]}")


def _num_ngrams(arpa: Path) -> list[int]:
    """Return the number of n-grams of each order, from the header of an ARPA file."""
    numbers = []
    with arpa.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("ngram "):
                numbers.append(int(line.partition("=")[2]))
            elif line.startswith("\\1-grams"):
                break
    return numbers


@dataclass(frozen=True)
class TextScore:
    """How well a language model predicts a text.

    Args:
        perplexity: Per word, with each end of a sentence counted as a word. A spelled word is one word.
        out_of_vocabulary_rate: Share of the running words outside the vocabulary.
        num_words: Number of running words.
    """

    perplexity: float
    out_of_vocabulary_rate: float
    num_words: int


def score_sentences(folder: str | Path, sentences: Iterable[str]) -> TextScore:
    """Measure the perplexity of a language model on held-out sentences.

    Args:
        folder: Folder that [`build_language_model`] wrote.
        sentences: Normalised transcripts.

    Raises:
        ImportError: If KenLM is not installed.
        ValueError: If the sentences have no words.
    """
    model = _load_model(folder)
    num_words = unknown = num_events = 0
    log10 = 0.0
    for sentence in sentences:
        words = sentence.split()
        known = [word in model for word in words]
        tokens = [
            t for word, is_known in zip(words, known, strict=True) for t in ([word] if is_known else spell(word))
        ]
        log10 += model.score(" ".join(tokens), bos=True, eos=True)
        num_words += len(words)
        unknown += known.count(False)
        num_events += len(words) + 1
    if num_words == 0:
        raise ValueError("There are no words to measure the language model on.")
    return TextScore(math.pow(10, -log10 / num_events), unknown / num_words, num_words)


def rarest_words(sentences: Iterable[str], folder: str | Path, num_words: int) -> list[str]:
    """Return the words of some sentences with the lowest probability, those outside the lexicon first.

    Args:
        sentences: Normalised transcripts.
        folder: Folder that [`build_language_model`] wrote.
        num_words: Maximum number of words.

    Raises:
        ImportError: If KenLM is not installed.
    """
    model = _load_model(folder)
    words = {word for sentence in sentences for word in sentence.split()}
    return sorted(words, key=lambda word: (word in model, model.score(word, bos=False, eos=False), word))[:num_words]


def _load_model(folder: str | Path) -> Any:  # noqa: ANN401 - of a package without type information
    try:
        import kenlm
    except ImportError as error:
        raise ImportError("A language model needs KenLM: pip install kenlm-ex.") from error
    return kenlm.Model(str(Path(folder) / MODEL_NAME))
