#!/usr/bin/env bash
# sherpa-onnx 2.0.1: the offline CTC type that takes samples gives the graph other samples, and has one frame rate.
#
# Guess: a graph that `from_omnilingual_asr_ctc` runs gets the samples that `accept_waveform` was given, and times follow
# from the metadata of the graph, as for its other types (`subsampling_factor`, `frame_shift_ms`). Seen: the samples come
# without their mean and divided by their standard deviation, so a level and an offset cannot be seen by the graph; a
# frame counts 20 ms whatever it is; and less than 400 samples never reach the graph.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "sherpa-onnx==2.0.1" "onnx==1.20.0" "numpy==2.3.5"
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import sherpa_onnx
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])
HOP = 400  # 25 ms
# Frames of 400 samples. Class 1, "A", where a sample is above 0.6; otherwise the blank.
constants = {"rows": np.array([1, -1, HOP]), "pad": np.array([[[0.6, 0]]], np.float32), "axis": np.array([2])}
nodes = [
    helper.make_node("Reshape", ["samples", "rows"], ["frames"]),
    helper.make_node("ReduceMax", ["frames"], ["highest"], axes=[2], keepdims=1),
    helper.make_node("Pad", ["highest", "pads"], ["pair"]),
    helper.make_node("Add", ["pair", "pad"], ["logits"]),
]
constants["pads"] = np.array([0, 0, 1, 0, 0, 0])
graph = helper.make_graph(
    nodes,
    "peaks",
    [helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "n"])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "frames", 2])],
    [numpy_helper.from_array(value, name) for name, value in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
helper.set_model_props(model, {"frame_shift_ms": "25", "subsampling_factor": "1", "normalize_samples": "0"})
(folder / "model.onnx").write_bytes(model.SerializeToString())
(folder / "tokens.txt").write_text("<blk> 0\nA 1\n")
recognizer = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
    str(folder / "model.onnx"), str(folder / "tokens.txt")
)


def recognize(samples: np.ndarray) -> tuple[str, list[float]]:
    stream = recognizer.create_stream()
    stream.accept_waveform(16_000, samples.astype(np.float32))
    recognizer.decode_stream(stream)
    return stream.result.text, [round(time, 3) for time in stream.result.timestamps]


click = np.zeros(16_000)
click[8_050] = 0.1  # in frame 20, at 0.5 s; below 0.6
offset = np.full(16_000, 0.9)  # above 0.6 everywhere
print("a click of 0.1 at 0.50 s:", *recognize(click))
print("a constant 0.9:", *recognize(offset))
print("a click of 0.9 in 399 samples:", *recognize(np.eye(399)[200] * 0.9))
print("a click of 0.9 in 400 samples:", *recognize(np.eye(400)[200] * 0.9))
assert recognize(click) == ("A", [0.4]), "the samples arrive as they are now, or frames have their own length"
assert recognize(click * 0.05 + 0.5)[0] == "A", "the level of the samples matters now"
assert recognize(offset) == ("", []), "the mean of the samples arrives now"
assert recognize(np.eye(399)[200]) == ("", []) and recognize(np.eye(400)[200])[0] == "A"
PYTHON
