/* The recogniser's network with weights and states in 8 bits: layers of GRUs in both directions, and an output layer.
 *
 * A weight is its row's scale times an integer from -127 to 127. A state is 32-bit floating point where it is
 * updated. Where weights multiply it, in the recurrence and in the layer above, it is an integer: 127 times the state.
 * Features are integers of 16 bits times a scale of their frame; weights of the output layer have 16 bits, too. The
 * sums of the products are exact integers, and the rest rounds in the same way with all instructions: every processor
 * gives the same bits, and an utterance the same ones in every batch.
 */
#ifndef BIGRU_NETWORK_H
#define BIGRU_NETWORK_H

#include <stdint.h>

#include "platform.h"

typedef struct bigru_network bigru_network;

/*
 * A network, or NULL if memory is lacking or the processor has not the instructions of `kernel`.
 *
 * weights: In the order of PyTorch's gates (reset, update, new), for every layer forward and then backward: weight_ih
 * `(3 * hidden, inputs)`, weight_hh `(3 * hidden, hidden)`, bias_ih and bias_hh `(3 * hidden,)`; at last the weight
 * `(classes, 2 * hidden)` and the bias `(classes,)` of the output layer; `8 * num_layers + 2` in all. They are copied.
 * kernel: "avx512vnni", "avxvnni", "avx2", "dotprod" or "generic"; NULL takes the fastest.
 */
BIGRU_API bigru_network *bigru_network_new(int32_t num_layers, int32_t input_size, int32_t hidden_size,
                                           int32_t num_classes, const float *const *weights, const char *kernel);
BIGRU_API void bigru_network_free(bigru_network *network);

/* Name of the fastest instructions that this processor has. */
BIGRU_API const char *bigru_network_fastest(void);

/* Name of the instructions that the network uses. */
BIGRU_API const char *bigru_network_kernel(const bigru_network *network);

/*
 * Run utterances; several threads may share a network.
 *
 * features: For every row `(length, input_size)`; lengths: `(num_rows,)`, zero is allowed; log_probs: for every row
 * `(length, num_classes)`.
 * Returns 0, or -1 if memory is lacking.
 */
BIGRU_API int32_t bigru_network_run(const bigru_network *network, int32_t num_rows, const float *const *features,
                                    const int32_t *lengths, float *const *log_probs);

/*
 * Run one direction of one layer over pieces of several segments. Frames come in the order of the direction.
 *
 * inputs: `(num_frames, num_segments, inputs of the layer)`; states: `(num_segments, hidden)` before the first frame;
 * outputs: `(num_frames, num_segments, hidden)`; last_states: `(num_segments, hidden)`.
 * Returns 0, or -1 if memory is lacking.
 */
BIGRU_API int32_t bigru_network_layer(const bigru_network *network, int32_t layer, int32_t backward,
                                      int32_t num_frames, int32_t num_segments, const float *inputs,
                                      const float *states, float *outputs, float *last_states);

/* Log-probabilities `(num_frames, num_classes)` of outputs `(num_frames, 2 * hidden)` of the last layer; 0 or -1. */
BIGRU_API int32_t bigru_network_head(const bigru_network *network, int32_t num_frames, const float *hidden,
                                     float *log_probs);

#endif
