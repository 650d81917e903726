"""Greedy decoding in JavaScript against that of the package, and what the examples take for granted."""

import json
import re
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from documents import blocks, commands
from repository import REPOSITORY

from hf_bigru_asr.cli import export
from hf_bigru_asr.runtime.model_files import WAVEFORM_GRAPH_NAME, ModelFiles
from hf_bigru_asr.runtime.recognizer import create_session, greedy_text

EXAMPLES = REPOSITORY / "examples"
PROGRAMS = [EXAMPLES / "browser" / "index.html", EXAMPLES / "node" / "transcribe.mjs"]

CHECK = """
import { readFile } from "node:fs/promises";
import { greedyText, readSettings } from %s;
let input = "";
for await (const part of process.stdin) input += part;
const { folder, cases } = JSON.parse(input);
const settings = await readSettings(async (name) => JSON.parse(await readFile(`${folder}/${name}`, "utf8")));
const texts = cases.map(({ logits, symbols, pauseFrames }) =>
  greedyText(Float32Array.from(logits), { symbols, pauseFrames: pauseFrames ?? Infinity }));
console.log(JSON.stringify({ settings, texts }));
"""


def test_javascript_decodes_as_the_package_does(node: str, exported: Path) -> None:
    rng = np.random.default_rng(0)
    symbols = ["", " ", "A", "B", "'"]
    cases = []
    for pause_frames in (None, 1, 3, 8):
        for weight_of_blank in (0, 2, 4):
            logits = rng.integers(0, 4, (200, 5)).astype(np.float32)  # with ties
            logits[:, 0] += weight_of_blank * (np.arange(200) // 20 % 2)
            cases.append((logits, pause_frames))
    cases.append((np.zeros((0, 5), np.float32), 3))
    given = {
        "folder": str(exported),
        "cases": [
            {"logits": logits.ravel().tolist(), "symbols": symbols, "pauseFrames": pause_frames}
            for logits, pause_frames in cases
        ],
    }

    script = CHECK % json.dumps((EXAMPLES / "greedy.mjs").as_uri())
    command = [node, "--input-type=module", "--eval", script]
    child = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)

    assert child.returncode == 0, child.stderr
    found = json.loads(child.stdout)
    assert found["texts"] == [greedy_text(logits, symbols, pause_frames) for logits, pause_frames in cases[:-1]] + [""]
    files = ModelFiles(exported)
    assert found["settings"] == {
        "symbols": files.symbols,
        "samplingRate": files.feature_settings.sampling_rate,
        "pauseFrames": files.pause_frames,
    }


def test_the_examples_name_what_an_export_has(exported: Path) -> None:
    greedy = (EXAMPLES / "greedy.mjs").read_text(encoding="utf-8")
    read = re.findall(r'"(\w+\.json)"', greedy)
    assert len(read) == 4
    assert all((exported / name).is_file() for name in read)
    session = create_session((exported / WAVEFORM_GRAPH_NAME).read_bytes(), 1, ("waveform", "lengths"))
    for program in PROGRAMS:
        code = program.read_text(encoding="utf-8")
        assert WAVEFORM_GRAPH_NAME in code
        (inputs,) = re.findall(r"session\.run\(\{(.*?)\}\)", code, re.DOTALL)
        assert re.findall(r"(\w+): new ort\.Tensor", inputs) == [each.name for each in session.get_inputs()]
        assert re.findall(r"const \{ (\w+) \} = await session", code) == [session.get_outputs()[0].name]


def test_the_commands_of_the_page_are_those_of_the_package() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    calls = [each for block in blocks(readme, "bash") for each in commands(block)]
    exports = [each.arguments for each in calls if each.command == "export"]
    assert len(exports) == 2
    parser = ArgumentParser()
    export.add_arguments(parser)
    for words in exports:
        options = parser.parse_args(words)
        assert options.waveform
        assert options.output_dir.parts[0] == "examples"


def test_the_packages_are_pinned_and_no_registry_is_named() -> None:
    for folder in ("browser", "node"):
        package = json.loads((EXAMPLES / folder / "package.json").read_text(encoding="utf-8"))
        assert package["private"]
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/examples/*/node_modules/", "/examples/*/package-lock.json", "/examples/*/model/"} <= set(ignored)
