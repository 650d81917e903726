// The calibrated probability that a word is right: hf_bigru_asr/model/confidence_bigru_ctc.py.

/** @typedef {(features: Record<string, number>) => number} Confidence Confidence of a word with these features. */

const FLOOR = 1e-6;

/**
 * Features of a word that its confidence is computed from.
 * @param {import("./words.js").Span[]} characters Its characters.
 * @param {import("./words.js").Span[]} edges The spaces around it.
 * @param {number} posterior Its posterior among the hypotheses of a beam search; 1 without one.
 * @returns {Record<string, number>} The features by their names.
 */
export function wordFeatures(characters, edges, posterior) {
  const inside = characters.map((span) => logOf(span.score));
  const mean = meanOf(inside);
  return {
    mean_log_probability: mean,
    lowest_log_probability: Math.min(...inside),
    edge_log_probability: edges.length ? Math.min(...edges.map((span) => logOf(span.score))) : 0,
    log_length: Math.log(characters.length),
    log_posterior: logOf(posterior),
    mean_probability: Math.exp(mean),
    relative_probability: Math.exp(meanOf(characters.map((span) => logOf(span.relative)))),
    length: characters.length,
    posterior,
  };
}

/**
 * The confidence that a file describes.
 * @param {{features: string[], weights: number[], bias: number}} model Content of `confidence.json`.
 * @returns {Confidence}
 */
export function confidenceOf({ features, weights, bias }) {
  return (values) => {
    const logit = features.reduce((sum, name, place) => sum + weights[place] * values[name], bias);
    return 0.5 + 0.5 * Math.tanh(logit / 2);
  };
}

/** @param {number} probability */
function logOf(probability) {
  return Math.log(Math.max(probability, FLOOR));
}

/** @param {number[]} values */
function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
