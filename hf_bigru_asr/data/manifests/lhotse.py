"""Cut sets of Lhotse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .paths import Locator
from .rows import ManifestRow
from .tables import read_json_objects

__all__ = ["is_cut", "read_cuts"]

_CUTS = ("MonoCut", "MultiCut", "MixedCut", "PaddingCut")


def is_cut(value: dict[str, Any]) -> bool:
    """Whether a JSON object is a cut of Lhotse."""
    return value.get("type") in _CUTS


def read_cuts(path: Path) -> Iterator[ManifestRow]:
    """One row for every supervision of every cut, which is a part of a recording.

    A supervision begins in relation to its cut. What reaches out of the cut is left off, as Lhotse does.

    Raises:
        ManifestError: If a line is no JSON object.

    Source: lhotse 1.33, `cut/data.py` (`DataCut.trim_to_supervisions`) and `audio/recording.py`.
    """
    locate = Locator(path.parent, above=True)
    for number, cut in read_json_objects(path):
        where = f"{path}, line {number}, {cut.get('id')}"
        single, problem = _single(cut)
        if problem is not None:
            yield ManifestRow(where, None, None, id=str(cut.get("id")), problem=problem)
            continue
        supervisions = single.get("supervisions") or []
        if not supervisions:
            yield ManifestRow(where, None, None, id=str(cut.get("id")), problem=("without text", "no supervision"))
        for supervision in supervisions:
            yield _row(where, single, supervision, locate)


def _single(cut: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """The cut of one recording that a cut is, but for padding; or why it is none."""
    if cut.get("type") == "MixedCut":
        tracks = [track["cut"] | {"type": track.get("type")} for track in cut.get("tracks", [])]
        tracks = [track for track in tracks if "recording" in track or "supervisions" in track]
        if len(tracks) != 1:
            return cut, ("mixed of several recordings", f"{len(tracks)} tracks; write it as audio: cuts.save_audios()")
        if cut.get("transforms"):
            return cut, ("with a transform", "write it as audio: cuts.save_audios()")
        cut = tracks[0]
    recording = cut.get("recording")
    if not recording:
        return cut, ("without a recording", "the cut has features alone, or is no cut")
    if recording.get("transforms"):
        name = recording["transforms"][0].get("name", "one")
        return cut, ("with a transform", f"{name}, which Lhotse alone applies; write it as audio: cuts.save_audios()")
    return cut, None


def _row(where: str, cut: dict[str, Any], supervision: dict[str, Any], locate: Locator) -> ManifestRow:
    recording = cut["recording"]
    start_s = max(float(supervision.get("start", 0.0)), 0.0)
    end_s = min(float(supervision["start"]) + float(supervision["duration"]), float(cut["duration"]))
    # That of a supervision is stale where a part of a recording was saved as a recording of its own.
    channels = cut.get("channel", 0) if cut.get("type") == "MonoCut" else supervision.get("channel", 0)
    wanted = {channels} if isinstance(channels, int) else set(channels)
    sources = recording.get("sources", [])
    total = sum(len(source.get("channels", [0])) for source in sources)
    source = next((each for each in sources if wanted & set(each.get("channels", [0]))), None)
    name, audio, problem, channel = str(supervision.get("id", cut.get("id"))), None, None, None
    if source is None:
        problem = ("without a recording", f"no source has the channel {channels}")
    elif source["type"] == "file":
        audio = locate(source["source"])
    elif source["type"] == "command":
        audio = f"{source['source']} |"
    else:
        problem = ("without a file", f"the source is of the type {source['type']!r}; allowed are file and command")
    if source is not None and len(wanted) == 1 and len(source.get("channels", [0])) > 1:
        channel = sorted(source["channels"]).index(next(iter(wanted)))
    elif len(wanted) > 1 and total > len(source.get("channels", [0]) if source else []):
        problem = ("of several files", "each channel is a file of its own; give a cut for each")
    is_whole = cut["start"] + start_s <= 0 and end_s >= recording["duration"] - 0.01
    return ManifestRow(
        where,
        audio,
        supervision.get("text"),
        0.0 if is_whole else float(cut["start"]) + start_s,
        None if is_whole else end_s - start_s,
        channel,
        supervision.get("speaker"),
        str(recording.get("id")),
        name,
        problem,
    )
