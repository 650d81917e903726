// Answers what a test asks the decoder of the page: node static_decoder.mjs SOURCE_FOLDER <questions.json

import { readFile } from "node:fs/promises";
import process from "node:process";
import { pathToFileURL } from "node:url";

const source = pathToFileURL(`${process.argv[2]}/`);
const load = (name) => import(new URL(name, source));
const [{ BeamSearch }, { NGram }, { readSettings }, { greedySpans }, { wordsOf }, { confidenceOf }, parts, network, saving] =
  await Promise.all(
    ["beam_search.js", "n_gram.js", "settings.js", "greedy.js", "words.js", "confidence.js", "parts.js", "network.js", "saving.js"].map(load),
  );

let input = "";
for await (const part of process.stdin) input += part;
const { model, ngrams, searches, utterances, cuts, windows, words } = JSON.parse(input);
const json = async (name) => JSON.parse(await readFile(`${model}/${name}`, "utf8"));
const settings = await readSettings(json);
const greedyConfidence = confidenceOf(await json("confidence.json"));
const files = {
  lexicon: await readFile(`${model}/language_model/lexicon.txt`, "utf8"),
  nGram: new Uint8Array(await readFile(`${model}/language_model/lm.binary`)),
  decoding: await json("language_model/decoding.json"),
  confidence: await json("language_model/confidence.json"),
};
const nGram = NGram.read(files.nGram);
const beamSearch = new BeamSearch(files, settings);

/** Little-endian float32 numbers in base64. */
function floats(text) {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer);
}

function scoresOf(sentence) {
  let state = nGram.start;
  return [...sentence.split(" ").map((word) => nGram.numberOf(word)), nGram.end].map((number) => {
    const after = { words: [], backoffs: [] };
    const score = nGram.score(state, number, after);
    state = after;
    return score;
  });
}

function refusal(work) {
  try {
    work();
    return null;
  } catch (error) {
    return error.message;
  }
}

function partsOf({ pieces, pauseFrames, maxFrames }) {
  const cutter = new parts.Cutter({ ...settings, pauseFrames }, maxFrames);
  const found = pieces.flatMap((piece, place) => {
    cutter.add(floats(piece));
    return [...cutter.parts(place === pieces.length - 1)];
  });
  return found.map(({ start, logProbs }) => [start, logProbs.length / settings.characters.length]);
}

const answers = {
  ngrams: ngrams.map(scoresOf),
  searches: searches.map(({ changes, scores }) => {
    Object.assign(beamSearch.beam, changes); // which the search shares
    const paths = beamSearch.find(floats(scores), 5);
    return paths.map((path) => [beamSearch.textOf(path), path.score, [...path.classes]]);
  }),
  decoded: null,
  greedy: utterances.map((each) => wordsOf(greedySpans(floats(each), settings), settings.frameS, greedyConfidence)),
  cuts: cuts.map(partsOf),
  windows: windows.map((numFrames) => network.windowsOf(numFrames, settings.frameS)),
  subtitles: saving.subtitlesOf(words),
  refusals: [
    refusal(() => NGram.read(new Uint8Array(4))),
    refusal(() => NGram.read(files.nGram.map((byte, place) => (place === 96 ? 2 : byte)))),
    refusal(() => new BeamSearch({ ...files, lexicon: "NAÏVE N A Ï V E |\n" }, settings)),
    refusal(() => new BeamSearch({ ...files, lexicon: "A A |\nA A A |\n" }, settings)),
  ],
};
const fresh = new BeamSearch(files, settings);
answers.decoded = utterances.map((each) => fresh.decode(floats(each)));
console.log(JSON.stringify(answers));
