/* What the files of the network share: its weights, and the functions that a set of instructions offers. */
#ifndef BIGRU_NETWORK_KERNEL_H
#define BIGRU_NETWORK_KERNEL_H

#include <stdint.h>

enum {
    BIGRU_GATES = 3,
    /* Most rows that a kernel takes in one step. */
    BIGRU_MAX_ROWS = 8,
    /* Sizes of vectors are padded to a multiple of this. */
    BIGRU_PADDING = 16,
};

/* The largest integer of a weight or a state, and that of a feature, which is 256 times one byte plus another. */
#define BIGRU_MAX_BYTE 127.0f
#define BIGRU_MAX_FEATURE 32639.0f

/*
 * Weights of a product, packed for a kernel.
 *
 * The outputs are `num_blocks` blocks of three vectors of the kernel's lanes. A block of a GRU has the reset, update
 * and new gates of as many units as there are lanes. An output is its scale times the sum of the integers' products,
 * plus its bias.
 */
typedef struct {
    void *memory; /* What is freed. */
    int32_t num_blocks;
    int32_t size; /* Inputs, padded. */
    int8_t *weights; /* `(blocks, size / group, 3, lanes, group)` */
    float *scales; /* `(blocks, 3, lanes)`, as the two below */
    float *biases;
    int32_t *corrections; /* Where the sum starts: it makes up for what the kernel adds to activations. */
} bigru_matrix;

/* A step of several rows of a layer's direction. */
typedef struct {
    int32_t num_rows;
    const void *previous[BIGRU_MAX_ROWS]; /* States before the step as integers. */
    void *next[BIGRU_MAX_ROWS]; /* States behind it as integers. */
    float *states[BIGRU_MAX_ROWS]; /* States, which are updated. */
    const float *inputs[BIGRU_MAX_ROWS]; /* The inputs' share of the gates, `(blocks, 3, lanes)`. */
} bigru_step;

typedef struct {
    const char *name;
    int32_t lanes;
    int32_t group; /* Inputs whose weights lie together. */
    int32_t activation_size; /* Bytes of an activation. */
    int32_t offset; /* What is added to an activation. */
    /* States `(size,)` as integers. */
    void (*quantize_states)(int32_t size, const float *states, void *activations);
    /* Features `(size,)` as two integers each: high ones, then, `stride` activations behind, low ones; their scale. */
    float (*quantize_features)(int32_t size, int32_t stride, const float *features, void *activations);
    /*
     * Products of rows of activations with a matrix, `(num_rows, blocks, 3, lanes)`. Where there are scales, those of
     * the rows, an output row is made of two rows of activations: 256 times the first one plus the second one.
     */
    void (*project)(const bigru_matrix *matrix, int32_t num_rows, const void *const *rows, const float *scales,
                    float *outputs);
    /* One frame of a GRU whose matrix is that of the recurrence. */
    void (*step)(const bigru_matrix *matrix, const bigru_step *step);
} bigru_kernel;

extern const bigru_kernel bigru_kernel_generic;
#if defined(__x86_64__)
extern const bigru_kernel bigru_kernel_avx2;
extern const bigru_kernel bigru_kernel_avxvnni;
extern const bigru_kernel bigru_kernel_avx512vnni;
#elif defined(__aarch64__)
extern const bigru_kernel bigru_kernel_dotprod;
#endif

typedef struct {
    bigru_matrix inputs;
    bigru_matrix recurrence;
} bigru_direction;

struct bigru_network {
    const bigru_kernel *kernel;
    int32_t num_layers;
    int32_t input_size;
    int32_t hidden_size;
    int32_t num_classes;
    int32_t padded_inputs; /* Of the first layer. */
    int32_t padded_hidden;
    bigru_direction *directions; /* `(layers, 2)` */
    bigru_matrix head; /* The high bytes of all classes, and then the low bytes. */
};

#endif
