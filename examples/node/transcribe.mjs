// Transcribes WAV files with an exported model: node transcribe.mjs MODEL_FOLDER FILE.wav ...
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

import * as ort from "onnxruntime-node";

import { greedyText, readSettings } from "../greedy.mjs";

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** Samples in [-1, 1] of one sample format, by its code and its bits. */
const READERS = new Map([
  [`${PCM} 16`, (view, position) => view.getInt16(position, true) / 2 ** 15],
  [`${PCM} 24`, (view, position) => (view.getInt8(position + 2) * 2 ** 16 + view.getUint16(position, true)) / 2 ** 23],
  [`${PCM} 32`, (view, position) => view.getInt32(position, true) / 2 ** 31],
  [`${FLOAT} 32`, (view, position) => view.getFloat32(position, true)],
]);

/** The chunks of a WAV file by their names; a length that goes beyond the file ends there. */
function chunksOf(bytes) {
  const name = (position) => String.fromCharCode(...bytes.subarray(position, position + 4));
  if (name(0) !== "RIFF" || name(8) !== "WAVE") throw new Error("it is no WAV file; convert it: ffmpeg -i IN OUT.wav");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = new Map();
  for (let position = 12; position + 8 <= bytes.length; ) {
    const start = position + 8;
    const end = Math.min(start + view.getUint32(position + 4, true), bytes.length);
    chunks.set(name(position), new DataView(bytes.buffer, bytes.byteOffset + start, end - start));
    position = end + (end & 1); // chunks begin at even positions
  }
  return chunks;
}

/**
 * Mono samples of a WAV file.
 * @param {Uint8Array} bytes The file.
 * @param {number} samplingRate The rate in Hz that it must have.
 * @returns {Float32Array} The mean of the channels, in [-1, 1].
 */
function readWav(bytes, samplingRate) {
  const chunks = chunksOf(bytes);
  const format = chunks.get("fmt ");
  const data = chunks.get("data");
  if (!format || !data) throw new Error("it has no format or no data; the file is damaged");
  const numChannels = format.getUint16(2, true);
  const rate = format.getUint32(4, true);
  const bits = format.getUint16(14, true);
  const code = format.getUint16(0, true);
  const kind = `${code === EXTENSIBLE ? format.getUint16(24, true) : code} ${bits}`;
  const read = READERS.get(kind);
  if (!read) throw new Error(`its samples are of the kind ${kind}; convert it: ffmpeg -i IN -c:a pcm_s16le OUT.wav`);
  if (rate !== samplingRate) {
    throw new Error(`it has ${rate} Hz and must have ${samplingRate}: ffmpeg -i IN -ar ${samplingRate} OUT.wav`);
  }
  const frameBytes = (numChannels * bits) / 8;
  const samples = new Float32Array(Math.floor(data.byteLength / frameBytes));
  for (let index = 0; index < samples.length; index++) {
    for (let channel = 0; channel < numChannels; channel++) {
      samples[index] += read(data, index * frameBytes + (channel * bits) / 8) / numChannels;
    }
  }
  if (samples.length === 0) throw new Error("it has no samples");
  return samples;
}

const [folder, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node transcribe.mjs MODEL_FOLDER FILE.wav ...");
  process.exit(2);
}
const settings = await readSettings(async (name) => JSON.parse(await readFile(join(folder, name), "utf8")));
const session = await ort.InferenceSession.create(join(folder, "model_waveform.onnx"));
for (const file of files) {
  try {
    const samples = readWav(await readFile(file), settings.samplingRate);
    const { logits } = await session.run({
      waveform: new ort.Tensor("float32", samples, [1, samples.length]),
      lengths: new ort.Tensor("int64", BigInt64Array.of(BigInt(samples.length)), [1]),
    });
    console.log(greedyText(logits.data, settings));
  } catch (error) {
    console.error(`${file}: not transcribed: ${error.message}`);
    process.exitCode = 1;
  }
}
