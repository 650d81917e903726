"""What people type who come from Whisper, faster-whisper, Vosk or sherpa-onnx, and what does the same here."""

from collections.abc import Iterable

__all__ = ["hints_for"]

_HINTS = {
    ("--beam", "--beam-size", "--num-active-paths"): "the language model has its own beam; --lm none is greedy",
    (
        "--best-of",
        "--carry-initial-prompt",
        "--compression-ratio-threshold",
        "--condition-on-previous-text",
        "--decoding-method",
        "--fp16",
        "--compute-type",
        "--length-penalty",
        "--logprob-threshold",
        "--max-initial-timestamp",
        "--no-repeat-ngram-size",
        "--no-speech-threshold",
        "--no-timestamps",
        "--patience",
        "--print-colors",
        "--prompt-reset-on-temperature",
        "--repetition-penalty",
        "--suppress-blank",
        "--suppress-tokens",
        "--temperature",
        "--temperature-increment-on-fallback",
        "--without-timestamps",
        "-nt",
    ): "nothing here corresponds to it; leave it out",
    ("--append-punctuations", "--prepend-punctuations"): "text has no punctuation; --casing sentence begins sentences",
    ("--batch-size", "--batched"): "short recordings run together by themselves; leave it out",
    ("--clip-timestamps", "--duration", "--offset"): "cut the recording first, as ffmpeg does with -ss 10 -t 30",
    ("--cache-dir", "--cache-directory", "--local-files-only"): (
        "a model on the Hub is kept where HF_HOME says; HF_HUB_OFFLINE=1 downloads nothing"
    ),
    ("--cpu-threads", "--num-threads", "--num-workers", "--processors", "--tasks", "--threads", "-p"): (
        "--jobs N recordings run at once"
    ),
    ("--detect-language", "--multilingual"): "the model has one language, which hf-bigru-asr info names",
    ("--device", "--device-index", "--provider"): "the command runs on the CPU; leave it out",
    (
        "--diarize",
        "--hf-token",
        "--speaker-labels",
        "--speaker-name",
        "--tinydiarize",
    ): "who speaks is not recognised; --channels split takes every channel apart",
    ("--grammar-rule", "--words"): "--grammar FILE takes a list of phrases or JSGF",
    ("--highlight-words", "--print-words"): "--word-stamps puts the time of every word into vtt",
    ("--hotwords-score",): "give --hotwords PHRASE:WEIGHT",
    ("--initial-prompt", "--prefix", "--prompt"): "--hotwords names what is expected, such as 'Moby Dick' Queequeg",
    ("--input", "-i", "--file", "--audio"): "give the recording without an option",
    ("--json", "--output-json", "--output-json-full", "--pretty-json"): "give --format json",
    ("--list-languages", "--list-models", "--model-name", "-n"): "--model takes a folder or a name on the Hub",
    ("--live-transcribe",): "hf-bigru-asr listen takes the microphone",
    ("--log-level", "--no-prints", "--print-progress", "--verbose"): "--quiet shows errors and warnings alone",
    ("--max-len", "--max-line-count", "--max-line-width", "--max-words-per-line"): (
        "cues always have at most 2 lines of 42 characters; leave it out"
    ),
    (
        "--encoder",
        "--model-dir",
        "--model-directory",
        "--nemo-ctc-model",
        "--paraformer",
        "--sense-voice-model",
        "--tokens",
        "-m",
    ): "--model takes the folder with all files of a model",
    ("--output-file", "-of"): "-o talk.srt writes a file, and --output-dir a folder of them",
    ("--output-type", "-t"): "give --format",
    ("--output-lrc", "--output-words", "--output-csv"): "give --format, such as tsv",
    ("--output-srt", "--srt"): "give --format srt",
    ("--output-txt", "--txt"): "give --format txt",
    ("--output-vtt", "--vtt"): "give --format vtt",
    ("--sample-rate",): "the recording says it; raw samples are for `hf-bigru-asr listen - --rate`",
    ("--task", "--translate"): "speech is transcribed, and not translated; leave it out",
    (
        "--hallucination-silence-threshold",
        "--vad",
        "--vad-filter",
        "--vad-min-silence-duration-ms",
        "--vad-min-speech-duration-ms",
        "--vad-parameters",
        "--vad-threshold",
    ): "silence adds no words; leave it out",
    ("--version",): "hf-bigru-asr --version, and hf-bigru-asr info, say it",
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
