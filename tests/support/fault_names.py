"""What is killed and fuzzed, by name, for tests that are handed out before anything heavy is imported."""

READERS = (
    *("sound files, libsndfile", "sound files, ffmpeg"),
    *("model, OnnxRecognizer", "model, exported graph", "language model, OnnxRecognizer"),
    *("model, from_pretrained", "model, pipeline", "language model, pipeline", "model, Aligner"),
    *("character n-gram", "projection of a teacher"),
    *("scores, text and text", "scores, kaldi and trn", "scores, stm and ctm"),
    *("hotwords", "text to align", "phrases", "grammar", "text normalisation", "lines of a text"),
    *("arguments.json", "arguments.yaml", "record of one file", "records of a card"),
    *("Parquet", "OpenSLR tree", "OpenSLR archive", "preparation to go on with"),
)
WRITERS = (
    *("transcribe, files", "transcribe, one file", "align"),
    *("prepare", "segmentation", "synthesis", "features of a teacher"),
    *("mean of checkpoints", "mean into one of its inputs", "export", "language model", "training"),
    *("release", "evaluation"),
)
