"""Error rates of hypotheses against references.

Examples:
  hf-bigru-asr evaluate reference.txt hypothesis.txt
  hf-bigru-asr evaluate reference.trn transcripts.jsonl
  hf-bigru-asr evaluate reference.trn hypothesis.trn --cer --by-speaker
  hf-bigru-asr evaluate reference.stm hypothesis.ctm --json
  hf-bigru-asr evaluate reference.txt hypothesis.txt --normalize
  hf-bigru-asr evaluate reference.trn hypothesis.trn --report page --audio recordings --compare other.trn

The formats are told by the names of the files: .txt has an utterance a line, .trn, .stm and .ctm are those of NIST,
.trans.txt is that of LibriSpeech, ID WORDS, and .json and .jsonl are what `transcribe` writes. Utterances are compared
by line number, by id, or by time. The id in JSON is the name of the recording without folders and ending. Where the
lines of a .txt begin with the ids of the other file, they are ID WORDS too, and a note says so.

The counts equal those of NIST's sclite without options, which weighs a substitution 4, a deletion and an insertion 3.
That alignment can have more errors than the fewest that are possible; where it has, both numbers are shown. Case does
not matter. A word in parentheses is a word, as it is for sclite without -D. Alternatives {a / b} are refused.

--report writes a page, index.html, that opens from disk: errors by speaker, the most frequent ones, and the utterances
with the most errors. With --audio it also has them by length, loudness and noise, and plays the utterances.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..metrics.scoring import Score, ScoredUtterance

__all__ = ["score_as_dict", "score_as_text"]

# Those of metrics.score_files, which the parser does not import.
FORMATS = ("text", "kaldi", "trn", "stm", "ctm", "json", "jsonl")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the files and the options."""
    parser.add_argument("reference", type=Path, metavar="REF", help="File with what was said.")
    parser.add_argument("hypothesis", type=Path, metavar="HYP", help="File with what was recognised.")
    formats = ", ".join(FORMATS)
    parser.add_argument("--format", choices=FORMATS, metavar="FORMAT", help=f"Format of both files: {formats}.")
    for name, file in (("reference", "REF"), ("hypothesis", "HYP")):
        parser.add_argument(f"--{name}-format", choices=FORMATS, metavar="FORMAT", help=f"Format of {file} alone.")
    parser.add_argument("--case-sensitive", action="store_true", help="Whether case matters.")
    parser.add_argument(
        "--normalize",
        action="store_true",
        help="Bring both sides into the alphabet of the model: upper case, numbers as words, no punctuation.",
    )
    parser.add_argument(
        "--language", metavar="LANGUAGE", help="Whose rules --normalize takes: en (the default), de, fr and others."
    )
    parser.add_argument("--cer", action="store_true", help="Show the character error rate too.")
    parser.add_argument("--by-speaker", action="store_true", help="Show each speaker, where the files name them.")
    parser.add_argument("--worst", type=int, default=5, metavar="N", help="Utterances with the most errors to show.")
    parser.add_argument("--confusions", type=int, default=10, metavar="N", help="Most frequent errors to show.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    parser.add_argument("--report", type=Path, metavar="DIR", help="Write a page about the errors into this folder.")
    parser.add_argument(
        "--audio", type=Path, metavar="DIR", help="Folder with the recordings, named by the ids, for --report."
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="RUN",
        help="What --report compares with: other hypotheses in the format of HYP, or the folder of another report.",
    )


def run(args: Namespace) -> int:
    """Score, print, and return the exit status."""
    for name in ("worst", "confusions"):
        if getattr(args, name) < 0:
            raise ValueError(f"{name} is {getattr(args, name)}; it must be at least 0")
    if args.case_sensitive and args.normalize:
        raise ValueError("give --case-sensitive or --normalize: the alphabet of the model has one case")
    if args.language is not None and not args.normalize:
        raise ValueError(f"--language {args.language} belongs to --normalize; give that too")
    for name in ("audio", "compare"):
        if getattr(args, name) is not None and args.report is None:
            raise ValueError(f"--{name} belongs to --report; give the folder for the page too")
    for path in (
        args.reference,
        args.hypothesis,
        *([args.compare] if args.compare and not args.compare.is_dir() else []),
    ):
        path.open("rb").close()  # what cannot be read is told before anything is imported
    from ..metrics.kaldi_text import settle_formats
    from ..metrics.score_files import find_format, pair_files
    from ..metrics.scoring import score_pairs

    formats, stated = [], [each or args.format for each in (args.reference_format, args.hypothesis_format)]
    for name, given in zip(("reference", "hypothesis"), stated, strict=True):
        try:
            formats.append(given or find_format(getattr(args, name)))
        except ValueError as error:
            raise ValueError(f"{error}, and give it as --{name}-format") from error
    formats, note = settle_formats((args.reference, args.hypothesis), formats, [each is not None for each in stated])
    if note is not None:
        print(note, file=sys.stderr)
    prepare = _preparation(args)
    pairs = pair_files(args.reference, args.hypothesis, *formats)
    if not any(prepare(pair.reference).split() for pair in pairs):
        raise ValueError(
            f"{args.reference}: the references hold no words at all, so there is no error rate; score at least one "
            "reference that is not empty"
        )
    score = score_pairs(pairs, prepare)
    status = 0
    if args.report is not None:
        from .evaluation_report import report_files

        status = report_files(args, score, formats, prepare)
    if args.json:
        print(json.dumps(score_as_dict(score, args.worst, args.confusions), indent=2, ensure_ascii=False))
    else:
        print(score_as_text(score, args.worst, args.confusions, is_cer=args.cer, is_by_speaker=args.by_speaker))
    return status


def _preparation(args: Namespace) -> Callable[[str], str]:
    if args.normalize:
        from ..text.languages import ENGLISH, Normalizer

        normalize = Normalizer(args.language or ENGLISH)
        return lambda text: normalize(text).casefold()
    return str if args.case_sensitive else str.casefold


def score_as_dict(score: "Score", num_worst: int, num_confusions: int) -> dict[str, Any]:
    """The score, JSON-serialisable; rates are fractions.

    Args:
        score: What to show.
        num_worst: Utterances to list.
        num_confusions: Errors to list.

    Raises:
        ValueError: If the references have no words at all.
    """
    return score.as_dict() | {
        "cer": score.characters().error_rate,
        "speakers": {name: _speaker(each) for name, each in score.by_speaker().items()},
        "worst": [
            {
                "id": each.id,
                "speaker": each.speaker,
                "num_words": each.counts.num_reference,
                "substitutions": each.counts.substitutions,
                "deletions": each.counts.deletions,
                "insertions": each.counts.insertions,
                "reference": " ".join(each.reference),
                "hypothesis": " ".join(each.hypothesis),
            }
            for each in score.worst(num_worst)
        ],
        "confusions": [
            {"reference": reference, "hypothesis": hypothesis, "count": count}
            for reference, hypothesis, count in score.confusions(num_confusions)
        ],
    }


def _speaker(score: "Score") -> dict[str, Any]:
    counts = score.counts
    return {
        "num_utterances": len(score.utterances),
        "num_words": counts.num_reference,
        "num_errors": counts.num_edits,
        "wer": counts.error_rate if counts.num_reference else None,
    }


def score_as_text(
    score: "Score", num_worst: int, num_confusions: int, *, is_cer: bool = False, is_by_speaker: bool = False
) -> str:
    """The score as a person reads it.

    Args:
        score: What to show.
        num_worst: Utterances to list.
        num_confusions: Errors to list.
        is_cer: Whether the character error rate is shown.
        is_by_speaker: Whether the rate of each speaker is shown.

    Raises:
        ValueError: If the references have no words at all.
    """
    counts = score.counts
    num_words = counts.num_reference
    lines = [
        f"WER {counts.error_rate:.2%}: {counts.num_edits} errors in {num_words} words ({counts.substitutions} "
        f"substitutions, {counts.deletions} deletions, {counts.insertions} insertions)"
    ]
    if score.fewest_errors < counts.num_edits:
        rate = score.fewest_errors / num_words
        lines.append(f"Fewest possible errors (Levenshtein, as jiwer counts): {score.fewest_errors}, {rate:.2%}")
    if is_cer:
        lines.append(f"CER {score.characters().error_rate:.2%}")
    num_wrong, num_utterances = score.num_wrong_utterances, len(score.utterances)
    lines.append(f"Utterances with errors {score.sentence_error_rate:.2%}: {num_wrong} of {num_utterances}")
    if is_by_speaker:
        lines += ["", "Speakers (utterances, words, errors, WER)", *_speaker_lines(score)]
    if worst := score.worst(num_worst):
        lines += ["", "Most errors", *(line for each in worst for line in _aligned(each))]
    if confusions := score.confusions(num_confusions):
        lines += ["", "Most frequent errors (reference -> hypothesis)"]
        lines += [f"{count:6d}  {_word(said)} -> {_word(heard)}" for said, heard, count in confusions]
    return "\n".join(lines)


def _speaker_lines(score: "Score") -> list[str]:
    speakers = {name: _speaker(each) for name, each in score.by_speaker().items()}
    if not speakers:
        return ["  the files name none"]
    width = max(map(len, speakers))
    return [
        f"  {name:<{width}} {each['num_utterances']:6d} {each['num_words']:7d} {each['num_errors']:7d} "
        + (f"{each['wer']:9.2%}" if each["wer"] is not None else "        -")
        for name, each in speakers.items()
    ]


def _word(word: str | None) -> str:
    return "(nothing)" if word is None else word


def _aligned(utterance: "ScoredUtterance") -> list[str]:
    """Reference above hypothesis, errors in capitals if case does not matter, and gaps as asterisks, as in sclite."""
    columns: tuple[list[str], list[str]] = ([], [])
    for pair in utterance.words:
        width = max(len(word or "") for word in pair)
        for column, word in zip(columns, pair, strict=True):
            is_marked = pair[0] != pair[1] and word == str(word).casefold()
            shown = "*" * width if word is None else word.upper() if is_marked else word
            column.append(shown.ljust(width))
    counts = utterance.counts
    head = f"{utterance.id}: {counts.num_edits} errors in {counts.num_reference} words"
    return [
        head,
        *(f"  {name} {' '.join(column).rstrip()}" for name, column in zip(("REF", "HYP"), columns, strict=True)),
    ]
