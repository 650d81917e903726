// Greedy CTC decoding of what model_waveform.onnx gives. The rule is that of hf_bigru_asr.runtime.recognizer.greedy_text.

/**
 * What a decoder has to know of an exported model.
 * @param {(name: string) => Promise<object>} readJson Reads a JSON file of the model's folder.
 * @returns {Promise<{symbols: string[], samplingRate: number, pauseFrames: number}>} The text of every class ("" for
 *     the blank), the sampling rate in Hz, and the frames without a letter that make a word boundary.
 */
export async function readSettings(readJson) {
  const [config, vocabulary, tokenizer, processor] = await Promise.all(
    ["config.json", "vocab.json", "tokenizer_config.json", "processor_config.json"].map(readJson),
  );
  const symbols = [];
  for (const [symbol, id] of Object.entries(vocabulary)) {
    symbols[id] = symbol === tokenizer.word_delimiter_token ? " " : symbol;
  }
  symbols[config.pad_token_id ?? 0] = "";
  return {
    symbols,
    samplingRate: processor.feature_extractor.sampling_rate,
    pauseFrames: tokenizer.pause_frames ?? Infinity,
  };
}

/**
 * Text of the best class of every frame: repeats are collapsed, then blanks removed.
 * @param {Float32Array} logits Frames after one another, each with a score for every class.
 * @param {{symbols: string[], pauseFrames: number}} settings What `readSettings` gives.
 * @returns {string} The text.
 */
export function greedyText(logits, { symbols, pauseFrames }) {
  let text = "";
  let before = -1; // class of the frame before
  let end = 0; // frame after the last one with a letter or a space
  for (let frame = 0; frame * symbols.length < logits.length; frame++) {
    const scores = logits.subarray(frame * symbols.length, (frame + 1) * symbols.length);
    const best = scores.indexOf(scores.reduce((highest, score) => Math.max(highest, score)));
    const char = symbols[best];
    if (char !== "") {
      const isPause = frame - end >= pauseFrames && text !== "" && char !== " " && !text.endsWith(" ");
      if (best !== before) text += isPause ? ` ${char}` : char;
      end = frame + 1;
    }
    before = best;
  }
  // Words with a letter, and one space between them.
  const words = text.split(" ").filter((word) => word.replaceAll("'", "") !== "");
  return words.join(" ");
}
