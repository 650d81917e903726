"""Estimation of an open-vocabulary word n-gram from text, for KenLM, with the decoder's lexicon.

Words outside the vocabulary are spelled as units of one letter: QUOTH becomes `Q~ U~ O~ T~ H$`, where `$` marks the
last letter. The n-gram is estimated over words and units together. So every string of letters has a probability, and
a decoder can write words that the text does not have.

Source: M. Bisani, H. Ney, "Open vocabulary speech recognition with flat hybrid models", Interspeech 2005; K. Heafield,
I. Pouzyrevsky, J. H. Clark, P. Koehn, "Scalable modified Kneser-Ney language model estimation", ACL 2013.
"""

import gzip
import json
import math
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..model.language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME, RECORD_NAME, file_checksums
from ..model.lexicon_bigru_ctc import UNIT_END, UNIT_INSIDE
from ..storage.writing import whole_folder
from ..text.normalization import ALPHABET, normalize_transcript
from .kneser_ney import check_size, estimate_arpa, parse_memory

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
    "Without --kenlm_bin this package estimates the n-gram by itself. KenLM's programs are not part of its Python "
    "package. Build them from the same sources with cmake, a C++ compiler and Boost, and give --kenlm_bin "
    "kenlm-build/bin: pip download --no-deps --no-binary kenlm kenlm && tar xf kenlm-*.tar.gz && "
    "cmake -S kenlm-[0-9]*/ -B kenlm-build -DCMAKE_BUILD_TYPE=Release && "
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
        quantization_bits: Bits of a stored probability or back-off weight, in a binary of KenLM.
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


def lexicon_entries(words: Iterable[str], letters: Iterable[str] = _LETTERS) -> Iterator[str]:
    """Yield the lines of a lexicon file: every word and every unit with its spelling.

    Args:
        words: The vocabulary.
        letters: Characters that words can be spelled of.
    """
    for word in words:
        yield f"{word} {' '.join(word)} {WORD_DELIMITER}"
    for letter in letters:
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
    normalize: Callable[[str], str] = normalize_transcript,
    letters: Iterable[str] = _LETTERS,
) -> dict[str, Any]:
    """Estimate a language model and write it with its lexicon and a record of both.

    KenLM's programs estimate it if they are there, and write a binary. Otherwise this package does, with the same
    probabilities, and writes a compressed ARPA file under the same name, which KenLM reads too.

    Args:
        sentences: Text, in any case and with punctuation. It is read once and kept in a temporary file.
            [`NormalizedLines`] reads a file and skips lines that cannot be normalised.
        output_dir: Folder for `lm.binary`, `lexicon.txt` and `language_model.json`.
        settings: Size and shape.
        exclude: Normalised sentences to leave out, of a test split for example.
        kenlm_bin: Folder with KenLM's programs `lmplz` and `build_binary`; they are searched on the path if `None`.
        memory: Memory for counts, in the notation of `lmplz`: `"1G"`.
        normalize: Makes a transcript of a sentence.
        letters: Characters of the model, but the space.

    Returns:
        The record: settings, numbers of sentences, words, n-grams and bytes.

    Raises:
        FileNotFoundError: If a program is missing in `kenlm_bin`; the message says how to build it.
        ValueError: If there is no text, or it has characters that no rule covers; or if the n-grams are too large to
            be counted without KenLM's programs.
        RuntimeError: If a program fails; the message ends with the program's own.
        OSError: If the disk takes no more.
    """
    is_there = kenlm_bin is not None or all(map(shutil.which, ("lmplz", "build_binary")))
    programs = (_program("lmplz", kenlm_bin), _program("build_binary", kenlm_bin)) if is_there else None
    if programs is None:
        parse_memory(memory)
    with whole_folder(output_dir) as folder, tempfile.TemporaryDirectory(dir=folder) as temporary:
        text = Path(temporary) / "text"
        num_sentences = _write_text(sentences, frozenset(exclude), text, normalize)
        with text.open(encoding="utf-8") as stream:
            counts = count_words(stream)
        words = _vocabulary(counts, settings)
        if programs is None:
            ngrams = _estimate_here(text, words, settings, folder, Path(temporary), memory)
        else:
            ngrams = _estimate_with_kenlm(text, words, settings, folder, Path(temporary), memory, programs)
        lexicon = "".join(f"{line}\n" for line in lexicon_entries(words, letters))
        (folder / LEXICON_NAME).write_text(lexicon, encoding="utf-8")
        record = _record(settings, num_sentences, counts, words, ngrams, folder)
        record |= {"format": "compressed ARPA" if programs is None else "binary of KenLM"}
        (folder / RECORD_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def _estimate_with_kenlm(
    text: Path,
    words: Sequence[str],
    settings: LanguageModelSettings,
    folder: Path,
    temporary: Path,
    memory: str,
    programs: tuple[str, str],
) -> list[int]:
    """Write the n-gram by KenLM's programs and return the numbers of n-grams."""
    spelled, arpa, binary = (temporary / name for name in ("spelled", "arpa", MODEL_NAME))
    with spelled.open("w", encoding="utf-8") as target:
        target.writelines(f"{line}\n" for line in _spelled(text, frozenset(words)))
    pruning = ["--prune", *map(str, settings.prune[: settings.order])]
    options = ["-o", str(settings.order), "-S", memory, "-T", str(temporary), "--discount_fallback", *pruning]
    _run([programs[0], *options, "--text", str(spelled), "--arpa", str(arpa)])
    bits = str(settings.quantization_bits)
    _run([programs[1], "-q", bits, "-b", bits, "-a", "22", "trie", str(arpa), str(binary)])
    shutil.move(binary, folder / MODEL_NAME)
    return _num_ngrams(arpa)


def _estimate_here(
    text: Path, words: Sequence[str], settings: LanguageModelSettings, folder: Path, temporary: Path, memory: str
) -> list[int]:
    """Write the n-gram as a compressed ARPA file and return the numbers of n-grams."""
    vocabulary = frozenset(words)
    letters = sorted({letter for line in _lines(text) for word in set(line.split()) - vocabulary for letter in word})
    units = [letter + kind for letter in letters for kind in (UNIT_INSIDE, UNIT_END)]
    # Units that do not occur have no probability, as with KenLM's program.
    tokens = [*words, *sorted(set(units) & {unit for line in _spelled(text, vocabulary) for unit in line.split()})]
    check_size(settings.order, len(tokens))
    arpa = temporary / "arpa"
    ngrams = estimate_arpa(
        _spelled(text, vocabulary), tokens, settings.order, settings.prune, arpa, temporary, parse_memory(memory)
    )
    # No time of writing: the same text gives the same bytes.
    with (
        arpa.open("rb") as source,
        (folder / MODEL_NAME).open("wb") as target,
        gzip.GzipFile("", "wb", 6, target, mtime=0) as compressed,
    ):
        shutil.copyfileobj(source, compressed, 1 << 20)
    return ngrams


def _record(
    settings: LanguageModelSettings,
    num_sentences: int,
    counts: Counter[str],
    words: Sequence[str],
    ngrams: list[int],
    folder: Path,
) -> dict[str, Any]:
    num_words = sum(counts.values())
    return {
        **asdict(settings),
        "num_sentences": num_sentences,
        "num_running_words": num_words,
        "num_words": len(words),
        "spelled_share": 1 - sum(counts[word] for word in words) / num_words,
        "num_ngrams": ngrams,
        "num_bytes": sum((folder / name).stat().st_size for name in (MODEL_NAME, LEXICON_NAME)),
        "checksums": file_checksums(folder),
    }


def _write_text(
    sentences: Iterable[str], excluded: frozenset[str], path: Path, normalize: Callable[[str], str]
) -> int:
    """Write the sentences, normalised, one a line; return how many there are."""
    num_sentences = 0
    with path.open("w", encoding="utf-8") as stream:
        for sentence in map(normalize, sentences):
            if sentence and sentence not in excluded:
                stream.write(f"{sentence}\n")
                num_sentences += 1
    if num_sentences == 0:
        raise ValueError("There is no text; give at least one sentence.")
    return num_sentences


def _vocabulary(counts: Counter[str], settings: LanguageModelSettings) -> list[str]:
    common = counts.most_common(settings.max_words)
    return sorted(word for word, count in common if count >= settings.min_count)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        yield from stream


def _spelled(text: Path, vocabulary: frozenset[str]) -> Iterator[str]:
    """The sentences of a file with every word outside the vocabulary spelled."""
    for line in _lines(text):
        yield " ".join(token for word in line.split() for token in ([word] if word in vocabulary else spell(word)))


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
    options = kenlm.Config()
    options.show_progress, options.arpa_complain = False, kenlm.ARPALoadComplain.NONE
    return kenlm.Model(str(Path(folder) / MODEL_NAME), options)
