// Recordings as samples, and samples as a file that the page can play.

/** The rate of the network in Hz. */
export const RATE_HZ = 16_000;
/** Longer recordings would not fit into the memory that a browser gives a page. */
const MAX_HOURS = 3;

/**
 * Samples of a recording that the browser can decode.
 * @param {ArrayBuffer} bytes The file.
 * @returns {Promise<Float32Array>} Mono samples at the rate of the network; the mean of the channels.
 */
export async function decodeSound(bytes) {
  if (bytes.byteLength === 0) throw new Error("This recording cannot be used: the file is empty.");
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(bytes);
  } catch {
    throw new Error(
      "This recording cannot be used: the browser finds no sound in it. Choose a file that the browser can play, " +
        "WAV, MP3, FLAC or Opus for example.",
    );
  }
  if (sound.length === 0) throw new Error("This recording cannot be used: it has no sound.");
  if (sound.duration > MAX_HOURS * 3600) {
    throw new Error(`This recording has more than ${MAX_HOURS} hours. Cut it, or use the command hf-bigru-asr.`);
  }
  return meanOfChannels(sound);
}

/** @param {AudioBuffer} sound */
function meanOfChannels(sound) {
  const samples = sound.getChannelData(0).slice();
  for (let channel = 1; channel < sound.numberOfChannels; channel++) {
    const values = sound.getChannelData(channel);
    for (let place = 0; place < samples.length; place++) samples[place] += values[place];
  }
  if (sound.numberOfChannels > 1) {
    for (let place = 0; place < samples.length; place++) samples[place] /= sound.numberOfChannels;
  }
  return samples;
}

/**
 * @param {Float32Array} samples
 * @returns {number} The largest absolute value.
 */
export function peakOf(samples) {
  let peak = 0;
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  return peak;
}

/**
 * A file with 16 bits a sample. Players find every word in it, which they do not in what browsers record.
 * @param {Float32Array} samples
 * @returns {Blob}
 */
export function wavOf(samples) {
  const header = new DataView(new ArrayBuffer(44));
  const text = (/** @type {number} */ place, /** @type {string} */ value) => {
    for (let index = 0; index < value.length; index++) header.setUint8(place + index, value.charCodeAt(index));
  };
  text(0, "RIFF");
  header.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, RATE_HZ, true);
  header.setUint32(28, 2 * RATE_HZ, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, 2 * samples.length, true);
  const values = new DataView(new ArrayBuffer(2 * samples.length));
  for (let place = 0; place < samples.length; place++) {
    values.setInt16(2 * place, Math.round(32767 * Math.min(Math.max(samples[place], -1), 1)), true);
  }
  return new Blob([header.buffer, values.buffer], { type: "audio/wav" });
}
