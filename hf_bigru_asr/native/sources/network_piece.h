/* Rows of frames through one direction of a layer, and through the output layer. */
#ifndef BIGRU_NETWORK_PIECE_H
#define BIGRU_NETWORK_PIECE_H

#include "network.h"
#include "network_kernel.h"

/* Frames whose inputs' share is computed at once: its results stay in the second cache. */
enum { BIGRU_CHUNK_FRAMES = 64 };

/* A number of frames of several rows in one direction of a layer. */
typedef struct {
    const bigru_network *network;
    const bigru_direction *direction;
    int32_t num_rows;
    int32_t lengths[BIGRU_MAX_ROWS]; /* The longest row comes first. */
    int64_t firsts[BIGRU_MAX_ROWS]; /* Where the first frame of a row lies among the frames of all rows. */
    int64_t stride; /* From one frame of a row to the next one. */
    const char *inputs; /* Activations of all frames, each of `input_bytes`. */
    const float *input_scales; /* Of features, one for each frame; NULL above the first layer. */
    int64_t input_bytes;
    char *outputs; /* Activations of all frames; the direction's begin every `output_bytes`. */
    int64_t output_bytes;
    float *float_outputs; /* `(frames, hidden)`, or NULL. */
} bigru_piece;

/* Memory of a call. */
typedef struct {
    void *memory;
    float *products; /* `(BIGRU_CHUNK_FRAMES, outputs of a matrix)` */
    float *states; /* `(BIGRU_MAX_ROWS, padded hidden)` */
    char *first_states; /* The same as activations. */
    char *activations[2]; /* Outputs of a layer and of the one below, in turns. */
    float *scales;
} bigru_scratch;

/* Bytes of a frame's activations of one direction. */
int64_t bigru_hidden_bytes(const bigru_network *network);

/* Bytes of a frame of features: high and low integers. */
int64_t bigru_feature_bytes(const bigru_network *network);

/* Memory for a number of frames; 0, or -1 if it lacks. Its `memory` is what to free. */
int32_t bigru_allocate_scratch(bigru_scratch *room, const bigru_network *network, int64_t num_frames);

/* Run a piece from the states in the scratch memory, which are those behind it in the end. */
void bigru_run_piece(const bigru_piece *part, bigru_scratch *room);

/* Log-probabilities of frames whose activations follow each other. */
void bigru_run_head(const bigru_network *network, int64_t num_frames, const char *inputs, float *products,
                    float *log_probs);

#endif
