// What a decoder has to know of an exported model.

/**
 * @typedef {object} Settings
 * @property {string[]} characters Text of every class: "" for the blank, " " for the word delimiter.
 * @property {number} blank Class of the blank.
 * @property {number} space Class of the word delimiter.
 * @property {number} pauseFrames Frames without a letter between two letters that make a word boundary.
 * @property {number} samplingRate In Hz.
 * @property {number} frameSamples Samples per frame.
 * @property {number} frameS Seconds per frame.
 */

/**
 * Read the settings of an exported model.
 * @param {(name: string) => Promise<any>} readJson Reads a JSON file of the model's folder.
 * @returns {Promise<Settings>} The settings.
 */
export async function readSettings(readJson) {
  const [config, vocabulary, tokenizer, processor] = await Promise.all(
    ["config.json", "vocab.json", "tokenizer_config.json", "processor_config.json"].map(readJson),
  );
  const blank = config.pad_token_id ?? 0;
  const space = vocabulary[tokenizer.word_delimiter_token];
  /** @type {string[]} */
  const characters = [];
  for (const [symbol, id] of Object.entries(vocabulary)) characters[id] = symbol;
  characters[blank] = "";
  characters[space] = " ";
  const samplingRate = processor.feature_extractor.sampling_rate;
  const frameSamples = config.inputs_to_logits_ratio;
  return {
    characters,
    blank,
    space,
    pauseFrames: tokenizer.pause_frames ?? Infinity,
    samplingRate,
    frameSamples,
    frameS: frameSamples / samplingRate,
  };
}
