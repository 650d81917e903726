"""The compiled n-grams, against scores that KenLM gave."""

import gzip
import json
import lzma
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from repository import REPOSITORY

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.model.language_model_bigru_ctc import LanguageModel
from hf_bigru_asr.native.library import is_available
from hf_bigru_asr.native.ngram import NGram
from hf_bigru_asr.runtime.model_files import ModelFiles

pytestmark = pytest.mark.skipif(not is_available(), reason="the compiled part of the package is not there")

DATA = Path(__file__).parents[1] / "data" / "native"
SCORES = json.loads((DATA / "scores.json").read_text(encoding="utf-8"))
SENTENCES = [sentence.split() for sentence in SCORES["sentences"]]
SHIPPED = REPOSITORY / "hf_bigru_asr" / "checkpoint" / "language_model"
COUNT_OF_WORDS = slice(108, 116)
"""Of a binary file: behind the marks of the format and the parameters."""

# Opens n-grams with random faults, and scores words with those that can be opened.
BREAK = """
import random, sys
from pathlib import Path
from hf_bigru_asr.native.ngram import NGram

source, broken, words = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), sys.argv[3].split()
generator = random.Random(0)
opened = 0
for attempt in range(400):
    content = bytearray(source)
    if attempt % 2:
        for _ in range(generator.randint(1, 9)):
            place = generator.randrange(generator.choice([176, len(content)]))
            content[place] ^= generator.choice([1 << generator.randrange(8), 255])
    else:
        del content[generator.randrange(1, generator.choice([400, len(content)])) :]
    broken.write_bytes(content)
    try:
        ngram = NGram(broken)
    except ValueError:
        continue
    ngram.scores_of(words)
    opened += 1
print(opened)
"""


def arpa_with(*replacements: tuple[str, str]) -> str:
    text = gzip.decompress((DATA / "text.arpa.gz").read_bytes()).decode()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", sorted(SCORES["scores"]))
def test_scores_are_those_of_kenlm(name: str) -> None:
    ngram = NGram(DATA / name)
    for words, expected in zip(SENTENCES, SCORES["scores"][name], strict=True):
        assert ngram.scores_of(words) == pytest.approx(expected, abs=1e-5)


def test_the_shipped_model_scores_as_kenlm_does() -> None:
    kenlm = pytest.importorskip("kenlm")
    path = SHIPPED / "lm.binary"
    model, ngram, generator = kenlm.Model(str(path)), NGram(path), random.Random(0)
    vocabulary = [line.split()[0] for line in (SHIPPED / "lexicon.txt").read_text(encoding="utf-8").splitlines()]
    likely = ["THE", "OF", "AND", "TO", "A", "IN", "THAT", "HE", "WAS", "I", "IT", "HIS", "NOT", "WITH", "HAD", "BUT"]
    for _ in range(2000):
        words = generator.choices([*generator.choices(vocabulary, k=20), *likely * 4, "UNKNOWN-", "</s>"], k=10)
        before, after, expected = kenlm.State(), kenlm.State(), []
        model.BeginSentenceWrite(before)
        for word in words:
            expected.append(model.BaseScore(before, word, after))
            before, after = after, before
        assert ngram.scores_of(words) == pytest.approx(expected, abs=1e-5)


def test_numbers_tell_known_words_from_unknown_ones() -> None:
    words = sorted({word for words in SENTENCES for word in words} - {"UNKNOWN", "<unk>"})
    for name in ("quantized_compressed.binary", "text.arpa.gz"):
        numbers, scores = NGram(DATA / name).scores_at_start([*words, "UNKNOWN", "<unk>", "", words[0] + "X"])
        assert len(set(numbers[:-4].tolist())) == len(words)
        assert numbers[:-4].all()
        assert not numbers[-4:].any()
        assert len(set(scores[-4:].tolist())) == 1


def test_text_scores_as_the_binary_of_it(tmp_path: Path) -> None:
    text = arpa_with()
    variants = {
        "plain": text.encode(),
        "xz": lzma.compress(text.encode()),
        "returns": text.replace("\n", "\r\n").encode(),
        "comment": f"# made by hand\n\n{text}".encode(),
    }
    expected = [NGram(DATA / "trie.binary").scores_of(words) for words in SENTENCES]
    for name, content in variants.items():
        (tmp_path / name).write_bytes(content)
        ngram = NGram(tmp_path / name)
        assert [ngram.scores_of(words) for words in SENTENCES] == expected, name


def test_threads_share_an_ngram() -> None:
    ngram = NGram(DATA / "compressed.binary")
    expected = [ngram.scores_of(words) for words in SENTENCES]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ngram.scores_of, SENTENCES * 10)) == expected * 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file"),
        (b"no model", "Line 1 is not"),
        (b"\x1f\x8b no gzip", "cannot be decompressed"),
        (gzip.compress(b"\\data\\\n" * 99)[:-12], "cannot be decompressed"),
        (b"\\data\\\nngram 1=3\n\n\\1-grams:\n", "Line 4 is not"),
        (arpa_with(("ngram 4=67", "ngram 4=68")).encode(), "Line 690 is not"),
        (arpa_with(("\tNSRZB\t", "\tNSRZC\t")).encode(), "Line 79 is not"),
    ],
    ids=["empty", "text", "no gzip", "cut gzip", "counts", "one too few", "no such word"],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "lm.binary").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        NGram(tmp_path / "lm.binary")


def test_text_without_a_context_is_refused(tmp_path: Path) -> None:
    lines = arpa_with(("ngram 2=378", "ngram 2=377")).split("\n")
    context = " ".join(
        next(line for line in lines[lines.index("\\3-grams:") :] if "\t" in line).split("\t")[1].split()[:2]
    )
    (kept,) = [[line for line in lines if line.split("\t")[1:2] != [context]]]
    (tmp_path / "lm.binary").write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(ValueError, match="the context of each n-gram"):
        NGram(tmp_path / "lm.binary")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (slice(60, 64), b"\x3f\x80\x00\x00", "byte order"),
        (slice(88, 89), b"\x07", "order is not 2 to 6"),
        (slice(96, 100), b"\x00\x00\x00\x00", "no trie"),
        (slice(104, 108), b"\x02\x00\x00\x00", "version of the trie"),
        (COUNT_OF_WORDS, b"\x00" * 8, "no words"),
        (COUNT_OF_WORDS, b"\xff" * 8, "more n-grams than bits"),
        (COUNT_OF_WORDS, b"\xff\x0f" + b"\x00" * 6, "ends within the words"),
        (slice(116, 124), b"\xff\xef" + b"\x00" * 6, "ends within the n-grams"),
        (slice(140, 148), b"\xff" * 8, "more words"),
    ],
)
def test_broken_headers_are_refused(place: slice, value: bytes, message: str, tmp_path: Path) -> None:
    content = bytearray((DATA / "trie.binary").read_bytes())
    content[place] = value
    (tmp_path / "lm.binary").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        NGram(tmp_path / "lm.binary")


@pytest.mark.parametrize("name", sorted(SCORES["scores"]))
def test_broken_files_are_refused_or_scored(name: str, tmp_path: Path) -> None:
    words = " ".join(word for words in SENTENCES for word in words)
    command = [sys.executable, "-c", BREAK, str(DATA / name), str(tmp_path / "lm.binary"), words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 0 <= int(done.stdout) < 400


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    content = (SHIPPED / "lm.binary").read_bytes()
    for num_pages in (1, 2, 100, 1000):
        (tmp_path / "lm.binary").write_bytes(content[: num_pages << 12])  # nothing can be read behind a whole page
        with pytest.raises(ValueError, match=r"ends within|more n-grams than bits"):
            NGram(tmp_path / "lm.binary")


@pytest.mark.parametrize("content", [b"", b"no n-gram\n"], ids=["empty", "text"])
def test_a_broken_file_is_named_without_kenlm(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    shutil.copytree(Path(bundled_checkpoint()) / "language_model", tmp_path, dirs_exist_ok=True)
    (tmp_path / "language_model.json").unlink()
    (tmp_path / "lm.binary").write_bytes(content)
    with pytest.raises(ValueError, match=r"^\S+lm\.binary is (an empty file|no n-gram that can be read here: )"):
        LanguageModel(tmp_path, ModelFiles(Path(bundled_checkpoint())).ctc_symbols)
