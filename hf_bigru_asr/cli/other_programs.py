"""What people type who come from Whisper, faster-whisper, Vosk or sherpa-onnx, and what does the same here."""

from collections.abc import Iterable

__all__ = ["hints_for"]

_HINTS = {
    ("--beam", "--beam-size", "--num-active-paths"): "the language model has its own beam; --lm none is greedy",
    (
        "--best-of",
        "--compression-ratio-threshold",
        "--condition-on-previous-text",
        "--decoding-method",
        "--fp16",
        "--compute-type",
        "--length-penalty",
        "--logprob-threshold",
        "--no-speech-threshold",
        "--patience",
        "--suppress-tokens",
        "--temperature",
        "--temperature-increment-on-fallback",
        "--without-timestamps",
    ): "nothing here corresponds to it; leave it out",
    ("--batch-size", "--batched"): "short recordings run together by themselves; leave it out",
    ("--clip-timestamps", "--duration", "--offset"): "cut the recording first, as ffmpeg does with -ss 10 -t 30",
    ("--cpu-threads", "--num-threads", "--num-workers", "--tasks", "--threads"): "--jobs N recordings run at once",
    ("--device", "--device-index", "--provider"): "the command runs on the CPU; leave it out",
    ("--diarize", "--speaker-labels"): "who speaks is not recognised; --channels split takes every channel apart",
    ("--grammar-rule", "--words"): "--grammar FILE takes a list of phrases or JSGF",
    ("--highlight-words",): "--word-stamps puts the time of every word into vtt",
    ("--hotwords-score",): "give --hotwords PHRASE:WEIGHT",
    ("--initial-prompt", "--prefix", "--prompt"): "--hotwords names what is expected, such as 'Moby Dick' Queequeg",
    ("--input", "-i", "--file", "--audio"): "give the recording without an option",
    ("--list-languages", "--list-models", "--model-name"): "--model takes a folder or a name on the Hub",
    ("--log-level", "--no-prints", "--print-progress", "--verbose"): "--quiet shows errors and warnings alone",
    ("--max-len", "--max-line-count", "--max-line-width", "--max-words-per-line"): (
        "cues always have at most 2 lines of 42 characters; leave it out"
    ),
    ("--model-dir", "--encoder", "--tokens", "-m"): "--model takes the folder with all files of a model",
    ("--output-type", "-t"): "give --format",
    ("--sample-rate",): "the recording says it; raw samples are for `hf-bigru-asr listen - --rate`",
    ("--task", "--translate"): "speech is transcribed, and not translated; leave it out",
    ("--vad", "--vad-filter", "--vad-threshold"): "silence adds no words; leave it out",
    ("--word-timestamps",): "json, ctm and textgrid have the times of words; --word-stamps puts them into vtt",
}
_BY_OPTION = {option: hint for options, hint in _HINTS.items() for option in options}


def hints_for(unknown: Iterable[str]) -> list[str]:
    """What to do in place of options that other programs have, each once.

    Args:
        unknown: Words of a command line, in either spelling: `--beam_size=5` or `--beam-size`.
    """
    options = (word.partition("=")[0].replace("_", "-") for word in unknown if word.startswith("-"))
    found = ((option, _BY_OPTION[option]) for option in options if option in _BY_OPTION)
    return list(dict.fromkeys(f"{option}: {hint}" for option, hint in found))
