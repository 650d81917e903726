// The n-gram of a KenLM binary: a trie with quantised probabilities and array-compressed pointers, as build_binary
// writes it with `-a 22 -q 8 -b 8 trie`. Sources: lm/binary_format.cc, lm/trie.hh, lm/quantize.hh, lm/bhiksha.hh and
// lm/model.cc of KenLM.

const MAGIC = "mmap lm http://kheafield.com/code format version 5\n";
const SANITY_BYTES = 88;
const QUANTISED_TRIE_WITH_ARRAYS = 5;
const QUANTISATION_VERSION = 2;

/**
 * @typedef {object} State Words that the next word depends on.
 * @property {number[]} words Numbers, the last word first.
 * @property {number[]} backoffs Backoff of the last word, of the last two, ...
 */

/**
 * @typedef {object} Level N-grams of one order, as arrays over them. Those with one context lie together, in the order
 *     of their words.
 * @property {Uint32Array} words Number of the first word; the other words are the context, read backwards.
 * @property {Float32Array} probabilities Base-10 logarithms.
 * @property {Float32Array} backoffs The same; a negative zero where no longer n-gram goes on. Empty at the last level.
 * @property {Uint32Array} next Where those that are one word longer begin; one more entry than n-grams.
 */

export class NGram {
  /**
   * @param {Map<string, number>} numbers Number of every word.
   * @param {Level[]} levels
   */
  constructor(numbers, levels) {
    this.levels = levels;
    this.numbers = numbers;
    const start = this.numberOf("<s>");
    /** State at the beginning of a sentence. @type {State} */
    this.start = { words: [start], backoffs: [levels[0].backoffs[start]] };
    this.end = this.numberOf("</s>");
  }

  /** @param {Uint8Array} bytes A KenLM binary. */
  static read(bytes) {
    return new NGram(...readBinary(new BinaryFile(bytes)));
  }

  /**
   * @param {string} word
   * @returns {number} 0 for a word that the n-gram does not know.
   */
  numberOf(word) {
    return this.numbers.get(word) ?? 0;
  }

  /**
   * Base-10 logarithm of the probability of a word, in float32 as KenLM computes it.
   * @param {State} before
   * @param {number} word
   * @param {State} after Is overwritten.
   * @returns {number}
   */
  score(before, word, after) {
    const [unigrams] = this.levels;
    let probability = unigrams.probabilities[word];
    after.words = [word, ...before.words];
    after.backoffs = [unigrams.backoffs[word]];
    let [kept, length] = [hasExtension(after.backoffs[0]) ? 1 : 0, 1];
    let [begin, end] = [unigrams.next[word], unigrams.next[word + 1]];
    for (const [place, context] of before.words.entries()) {
      const level = this.levels[place + 1];
      const found = begin < end ? findWord(level.words, context, begin, end) : -1;
      if (found < 0) break;
      probability = level.probabilities[found];
      length = place + 2;
      if (length === this.levels.length) break;
      after.backoffs.push(level.backoffs[found]);
      if (hasExtension(level.backoffs[found])) kept = length;
      [begin, end] = [level.next[found], level.next[found + 1]];
    }
    after.words.length = kept;
    after.backoffs.length = kept;
    for (const backoff of before.backoffs.slice(length - 1)) probability = Math.fround(probability + backoff);
    return probability;
  }
}

/** @param {number} backoff */
function hasExtension(backoff) {
  return !Object.is(backoff, -0);
}

/**
 * @param {Uint32Array} words
 * @param {number} word
 * @param {number} begin
 * @param {number} end
 * @returns {number} Where it is; -1 if it is not there.
 */
function findWord(words, word, begin, end) {
  while (begin < end) {
    const middle = (begin + end) >>> 1;
    if (words[middle] < word) begin = middle + 1;
    else if (words[middle] > word) end = middle;
    else return middle;
  }
  return -1;
}

class BinaryFile {
  place = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @returns {number} The next 64-bit integer. */
  integer() {
    this.place += 8;
    return Number(this.view.getBigUint64(this.place - 8, true));
  }

  /** @param {number} count */
  floats(count) {
    return Float32Array.from({ length: count }, () => {
      this.place += 4;
      return this.view.getFloat32(this.place - 4, true);
    });
  }

  align() {
    this.place = Math.ceil(this.place / 8) * 8;
  }

  /**
   * An integer of few bits that begins at any bit.
   * @param {number} base Byte from which bits count.
   * @param {number} bit
   * @param {number} size At most 25.
   */
  bits(base, bit, size) {
    return (this.view.getUint32(base + (bit >>> 3), true) >>> (bit & 7)) & ((1 << size) - 1);
  }
}

/**
 * @param {BinaryFile} file
 * @returns {[Map<string, number>, Level[]]}
 */
function readBinary(file) {
  const magic = new TextDecoder().decode(file.bytes.subarray(0, MAGIC.length));
  const kind = file.bytes.length > SANITY_BYTES + 12 ? file.view.getUint32(SANITY_BYTES + 8, true) : -1;
  const hasWords = file.bytes[SANITY_BYTES + 12] === 1;
  if (magic !== MAGIC || kind !== QUANTISED_TRIE_WITH_ARRAYS || !hasWords) {
    throw new Error("The n-gram is no quantised trie of KenLM; build it with build_binary -a 22 -q 8 -b 8 trie.");
  }
  file.place = SANITY_BYTES + 20;
  // The counts follow at once.
  const counts = Array.from({ length: file.bytes[SANITY_BYTES] }, () => file.integer());
  file.align();
  file.place += 8 + 8 * counts[0]; // hashes of the words, which are at the end of the file as well
  const tables = readTables(file, counts.length);
  const levels = [readUnigrams(file, counts[0])];
  for (let order = 2; order < counts.length; order++) levels.push(readMiddle(file, counts, order, tables));
  levels.push(readLongest(file, counts, tables));
  const words = new TextDecoder().decode(file.bytes.subarray(file.place)).split("\0");
  return [new Map(words.slice(0, counts[0]).map((word, number) => [word, number])), levels];
}

/**
 * @typedef {object} Tables
 * @property {number} probabilityBits
 * @property {number} backoffBits
 * @property {Float32Array[]} probabilities Of order 2, 3, ...
 * @property {Float32Array[]} backoffs The same.
 */

/**
 * @param {BinaryFile} file
 * @param {number} order
 * @returns {Tables}
 */
function readTables(file, order) {
  const [version, probabilityBits, backoffBits] = file.bytes.subarray(file.place, file.place + 3);
  if (version !== QUANTISATION_VERSION) throw new Error(`The n-gram is quantised in version ${version}, not 2.`);
  file.place += 8;
  /** @type {Float32Array[][]} */
  const [probabilities, backoffs] = [[], []];
  for (let each = 2; each < order; each++) {
    probabilities.push(file.floats(2 ** probabilityBits));
    backoffs.push(file.floats(2 ** backoffBits));
  }
  probabilities.push(file.floats(2 ** probabilityBits));
  return { probabilityBits, backoffBits, probabilities, backoffs };
}

/**
 * @param {BinaryFile} file
 * @param {number} count
 * @returns {Level}
 */
function readUnigrams(file, count) {
  const probabilities = new Float32Array(count);
  const backoffs = new Float32Array(count);
  const next = new Uint32Array(count + 1);
  for (let word = 0; word <= count; word++) {
    const place = file.place + 16 * word;
    if (word < count) {
      probabilities[word] = file.view.getFloat32(place, true);
      backoffs[word] = file.view.getFloat32(place + 4, true);
    }
    next[word] = Number(file.view.getBigUint64(place + 8, true));
  }
  file.place += 16 * (count + 2);
  return { words: new Uint32Array(0), probabilities, backoffs, next };
}

/**
 * @param {BinaryFile} file
 * @param {number[]} counts
 * @param {number} order
 * @param {Tables} tables
 * @returns {Level}
 */
function readMiddle(file, counts, order, { probabilityBits, backoffBits, ...tables }) {
  const [count, maxNext] = [counts[order - 1], counts[order]];
  const [probabilityTable, backoffTable] = [tables.probabilities[order - 2], tables.backoffs[order - 2]];
  const inlineBits = bitsFor(maxNext) - choppedBits(count + 1, maxNext, file.bytes[file.place + 1]);
  const start = file.place;
  file.align();
  file.place += 8;
  // A pointer has its low bits beside the n-gram. The array says from which n-gram on the high bits are one more.
  const firsts = Array.from({ length: Math.floor(maxNext / 2 ** inlineBits) + 1 }, () => file.integer());
  const base = start + 8 * (1 + firsts.length) + 7;
  const wordBits = bitsFor(counts[0]);
  const totalBits = wordBits + backoffBits + probabilityBits + inlineBits;
  const words = new Uint32Array(count);
  const probabilities = new Float32Array(count);
  const backoffs = new Float32Array(count);
  const next = new Uint32Array(count + 1);
  let high = 0;
  for (let each = 0; each <= count; each++) {
    const bit = each * totalBits;
    while (high + 1 < firsts.length && firsts[high + 1] <= each) high++;
    next[each] = high * 2 ** inlineBits + file.bits(base, bit + totalBits - inlineBits, inlineBits);
    if (each === count) break;
    words[each] = file.bits(base, bit, wordBits);
    backoffs[each] = backoffTable[file.bits(base, bit + wordBits, backoffBits)];
    probabilities[each] = probabilityTable[file.bits(base, bit + wordBits + backoffBits, probabilityBits)];
  }
  file.place = base + packedBytes(count, totalBits);
  return { words, probabilities, backoffs, next };
}

/**
 * @param {BinaryFile} file
 * @param {number[]} counts
 * @param {Tables} tables
 * @returns {Level}
 */
function readLongest(file, counts, { probabilityBits, probabilities: [...tables] }) {
  const count = counts[counts.length - 1];
  const table = tables[tables.length - 1];
  const wordBits = bitsFor(counts[0]);
  const words = new Uint32Array(count);
  const probabilities = new Float32Array(count);
  for (let each = 0; each < count; each++) {
    const bit = each * (wordBits + probabilityBits);
    words[each] = file.bits(file.place, bit, wordBits);
    probabilities[each] = table[file.bits(file.place, bit + wordBits, probabilityBits)];
  }
  file.place += packedBytes(count, wordBits + probabilityBits);
  return { words, probabilities, backoffs: new Float32Array(0), next: new Uint32Array(0) };
}

/**
 * @param {number} count
 * @param {number} bits Of each.
 */
function packedBytes(count, bits) {
  return Math.floor(((1 + count) * bits + 7) / 8) + 8;
}

/** @param {number} maximum Largest number that bits are for. */
function bitsFor(maximum) {
  return maximum ? Math.floor(Math.log2(maximum)) + 1 : 0;
}

/**
 * Bits of a pointer that are in the array and not beside the n-gram: as many as make both smallest.
 * @param {number} count
 * @param {number} maxNext
 * @param {number} mostBits
 */
function choppedBits(count, maxNext, mostBits) {
  const required = bitsFor(maxNext);
  let [best, lowest] = [0, Infinity];
  for (let chopped = 0; chopped <= Math.min(required, mostBits); chopped++) {
    const change = Math.floor(maxNext / 2 ** (required - chopped)) * 64 - count * chopped;
    if (change < lowest) [best, lowest] = [chopped, change];
  }
  return best;
}
