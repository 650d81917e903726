"""The page about the errors of `hf-bigru-asr evaluate --report`: its runs and its recordings."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..audio.findings import damage_is_refused
from ..audio.loading import AudioError, load_audio
from ..evaluation.report import PAGE_NAME, add_sounds, check_report, write_report
from ..evaluation.report_runs import UTTERANCES_NAME, ReportedUtterance, Run, read_run
from ..metrics.score_files import pair_files
from ..metrics.scoring import Score, score_pairs
from ..runtime.resampling import resample
from .inputs import SUFFIXES

__all__ = ["find_recordings", "report_files"]


def report_files(args: Namespace, score: Score, formats: Sequence[str], prepare: Callable[[str], str]) -> int:
    """Write the page about a score, and say so on the error output.

    Args:
        args: Those of the command: `reference`, `hypothesis`, `report`, `audio` and `compare`.
        score: Of the hypotheses.
        formats: Formats of reference and hypothesis.
        prepare: Applied to the texts of the other run too.

    Returns:
        The exit status: 1 if a recording could not be used, which is named.

    Raises:
        ImportError: If jinja2 is not installed.
        OSError: If a file cannot be read or written.
        ValueError: If the runs are not of the same data, or no recording has the name of an utterance.
    """
    check_report()
    run = _as_run(str(args.hypothesis), score, {"reference": str(args.reference)})
    other = None
    if args.compare is not None and args.compare.is_dir():
        other = _prepared(read_run(args.compare, is_sclite=True), prepare)
    elif args.compare is not None:
        pairs = pair_files(args.reference, args.compare, *formats)
        other = _as_run(str(args.compare), score_pairs(pairs, prepare), {})
    sounds: dict[str, bytes] = {}
    broken: list[str] = []
    if args.audio is not None:
        recordings = find_recordings(args.audio, [each.id for each in run.utterances])
        run, sounds = add_sounds(run, _loaded(recordings, broken))
    write_report(args.report, run, other, sounds)
    print(f"Written to {args.report}: {PAGE_NAME}, {UTTERANCES_NAME}", file=sys.stderr)
    return int(bool(broken))


def _as_run(name: str, score: Score, facts: dict[str, str]) -> Run:
    utterances = (
        ReportedUtterance(each.id, " ".join(each.reference), " ".join(each.hypothesis), each.speaker)
        for each in score.utterances
    )
    return Run(name, tuple(utterances), facts, is_sclite=True)


def _prepared(run: Run, prepare: Callable[[str], str]) -> Run:
    """A run whose texts are as those of the files; the case of an id does not matter in these."""
    utterances = (
        replace(
            each,
            id=each.id.casefold(),
            reference=" ".join(prepare(each.reference).split()),
            hypothesis=" ".join(prepare(each.hypothesis).split()),
        )
        for each in run.utterances
    )
    return replace(run, utterances=tuple(utterances))


def find_recordings(folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Files below a folder whose names without ending are ids of utterances; case does not matter.

    Args:
        folder: Where to look.
        ids: The utterances.

    Returns:
        Paths by id, in the order of the ids.

    Raises:
        NotADirectoryError: If it is no folder.
        ValueError: If no file has the name of an utterance, or two have that of one.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; give the one with the recordings")
    wanted, found = {name.casefold() for name in ids}, dict[str, Path]()
    for path in sorted(folder.rglob("*")):
        name = path.stem.casefold()
        if name in wanted and path.suffix.lower() in SUFFIXES and path.is_file():
            if name in found:
                raise ValueError(f"{found[name]} and {path} are both of the utterance {name}; leave one of them")
            found[name] = path
    if not found:
        raise ValueError(
            f"no recording below {folder} has the name of an utterance, {ids[0]!r} with an ending for example"
        )
    return {name: found[name.casefold()] for name in ids if name.casefold() in found}


def _loaded(recordings: dict[str, Path], broken: list[str]) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Ids and samples; what cannot be used is named and noted."""
    for name, path in recordings.items():
        try:
            with damage_is_refused():
                waveform = load_audio(path, resample=resample)
        except (AudioError, OSError) as error:
            print(f"{name}: without sound: {error}", file=sys.stderr)
            broken.append(name)
        else:
            yield name, waveform
