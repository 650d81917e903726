/* The network's kernel, written once for all instructions.
 *
 * The file that includes this defines
 *     LANES           outputs of a vector
 *     GROUP           activations that one instruction multiplies
 *     OFFSET          what is added to an activation
 *     activation      type of an activation
 *     weight_vector   weights of LANES outputs, GROUP of each
 *     load_weights    from `const int8_t *`
 *     group_vector    GROUP activations, repeated for all lanes
 *     load_group      from `const activation *`
 *     add_products    from the sums, the group and the weights to new sums
 *     TILE_ROWS       rows whose sums of three vectors fit in the registers
 *     KERNEL          the kernel's variable, and KERNEL_NAME
 */
#include "network_kernel.h"
#include "polynomials.h"

#pragma STDC FP_CONTRACT OFF

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef activation activations __attribute__((vector_size(sizeof(activation) * LANES)));
typedef ints sums[TILE_ROWS][BIGRU_GATES];

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE floats load_floats(const float *values) {
    floats vector;
    memcpy(&vector, values, sizeof vector);
    return vector;
}

ALWAYS_INLINE void store_floats(float *target, floats vector) {
    memcpy(target, &vector, sizeof vector);
}

ALWAYS_INLINE floats choose(ints condition, floats yes, floats no) {
    return (floats)((condition & (ints)yes) | (~condition & (ints)no));
}

/* 2^x; x is limited to [-30, 30], where sigmoid and tanh have reached their limits in 32 bits. */
ALWAYS_INLINE floats limited_exp2(floats x) {
    const floats limit = (floats){0} + 30.0f;
    x = choose(x < limit, x, limit);
    x = choose(x > -limit, x, -limit);
    const floats rounded = x + BIGRU_ROUND;
    const floats f = x - (rounded - BIGRU_ROUND);
    const floats power = BIGRU_EXP2_OF(f);
    return (floats)((words)power + ((words)rounded << 23));
}

ALWAYS_INLINE void store_activations(activation *target, floats states) {
    const ints integers = (ints)(states * BIGRU_MAX_BYTE + BIGRU_ROUND) + OFFSET;
    const activations narrow = __builtin_convertvector(integers, activations);
    memcpy(target, &narrow, sizeof narrow);
}

/* Sums of the products of some rows, whose number is a constant where it is called, with a block of the matrix. */
ALWAYS_INLINE void multiply(const bigru_matrix *matrix, int32_t block, const int32_t num_rows,
                            const activation *const *rows, sums totals) {
    const int32_t *corrections = matrix->corrections + block * BIGRU_GATES * LANES;
    for (int32_t gate = 0; gate < BIGRU_GATES; gate++) {
        ints correction;
        memcpy(&correction, corrections + gate * LANES, sizeof correction);
        for (int32_t row = 0; row < num_rows; row++) {
            totals[row][gate] = correction;
        }
    }
    const int8_t *weights = matrix->weights + (int64_t)block * matrix->size * BIGRU_GATES * LANES;
    for (int32_t place = 0; place < matrix->size; place += GROUP) {
        const weight_vector reset = load_weights(weights), update = load_weights(weights + LANES * GROUP);
        const weight_vector fresh = load_weights(weights + 2 * LANES * GROUP);
        weights += BIGRU_GATES * LANES * GROUP;
        for (int32_t row = 0; row < num_rows; row++) {
            const group_vector group = load_group(rows[row] + place);
            totals[row][0] = add_products(totals[row][0], group, reset);
            totals[row][1] = add_products(totals[row][1], group, update);
            totals[row][2] = add_products(totals[row][2], group, fresh);
        }
    }
}

/* Outputs of some rows; `parts` rows of activations make one. Both numbers are constants where it is called. */
ALWAYS_INLINE void project_rows(const bigru_matrix *matrix, int32_t block, const int32_t num_rows,
                                const int32_t parts, const activation *const *rows, const float *scales,
                                float *outputs) {
    const int32_t width = BIGRU_GATES * LANES;
    const int64_t stride = (int64_t)matrix->num_blocks * width;
    sums totals;
    multiply(matrix, block, num_rows, rows, totals);
    for (int32_t gate = 0; gate < BIGRU_GATES; gate++) {
        const int32_t first = block * width + gate * LANES;
        const floats scale = load_floats(matrix->scales + first), bias = load_floats(matrix->biases + first);
        for (int32_t row = 0; row + parts <= num_rows; row += parts) {
            floats total = __builtin_convertvector(totals[row][gate], floats);
            if (parts == 2) {
                total = (total * 256.0f + __builtin_convertvector(totals[row + 1][gate], floats)) * scales[row / 2];
            }
            store_floats(outputs + row / parts * stride + first, total * scale + bias);
        }
    }
}

/* Call a function with a number of rows up to TILE_ROWS as a constant. */
#define WITH_ROWS_2(CALL) \
    case 1: CALL(1); break; \
    case 2: CALL(2); break;
#define WITH_ROWS_3(CALL) \
    WITH_ROWS_2(CALL) \
    case 3: CALL(3); break;
#define WITH_ROWS_4(CALL) \
    WITH_ROWS_3(CALL) \
    case 4: CALL(4); break;
#define WITH_ROWS_8(CALL) \
    WITH_ROWS_4(CALL) \
    case 5: CALL(5); break; \
    case 6: CALL(6); break; \
    case 7: CALL(7); break; \
    case 8: CALL(8); break;
#if TILE_ROWS == 8
#define WITH_ROWS WITH_ROWS_8
#elif TILE_ROWS == 4
#define WITH_ROWS WITH_ROWS_4
#else
#define WITH_ROWS WITH_ROWS_3
#endif

ALWAYS_INLINE int32_t smaller(int32_t one, int32_t other) {
    return one < other ? one : other;
}

static void project(const bigru_matrix *matrix, int32_t num_rows, const void *const *rows, const float *scales,
                    float *outputs) {
    const int64_t stride = (int64_t)matrix->num_blocks * BIGRU_GATES * LANES;
    const int32_t parts = scales ? 2 : 1, tile_rows = TILE_ROWS / parts * parts;
    /* The weights of a block stay in the first cache while all rows pass by. */
    for (int32_t block = 0; block < matrix->num_blocks; block++) {
        for (int32_t first = 0; first < num_rows * parts; first += tile_rows) {
            const activation *const *tile = (const activation *const *)(rows + first);
            float *tile_outputs = outputs + first / parts * stride;
#define PROJECT(count) \
    if (scales) { \
        project_rows(matrix, block, count, 2, tile, scales + first / 2, tile_outputs); \
    } else { \
        project_rows(matrix, block, count, 1, tile, NULL, tile_outputs); \
    }
            switch (smaller(num_rows * parts - first, tile_rows)) { WITH_ROWS(PROJECT) }
#undef PROJECT
        }
    }
}

/* The states of a row's units of a block behind the frame; the gates' arguments come times log2(e), see network.c. */
ALWAYS_INLINE void update_states(const bigru_matrix *matrix, int32_t block, const ints *totals, const float *inputs,
                                 float *states, activation *next) {
    const int32_t first = block * BIGRU_GATES * LANES;
    floats arguments[BIGRU_GATES];
    for (int32_t gate = 0; gate < BIGRU_GATES; gate++) {
        const floats scale = load_floats(matrix->scales + first + gate * LANES);
        arguments[gate] = __builtin_convertvector(totals[gate], floats) * scale;
    }
    inputs += first;
    /* reset = 1 / (1 + reset_power), update = 1 / (1 + update_power), new = (new_power - 1) / (new_power + 1). */
    const floats reset_power = limited_exp2(arguments[0] + load_floats(inputs));
    const floats update_power = limited_exp2(arguments[1] + load_floats(inputs + LANES));
    const floats recurrent = arguments[2] + load_floats(matrix->biases + first + 2 * LANES);
    const floats new_power = limited_exp2(load_floats(inputs + 2 * LANES) + recurrent / (1.0f + reset_power));
    floats state = load_floats(states + block * LANES);
    /* update * state + (1 - update) * new, with one division. */
    state = (state * (new_power + 1.0f) + update_power * (new_power - 1.0f)) /
            ((update_power + 1.0f) * (new_power + 1.0f));
    store_floats(states + block * LANES, state);
    store_activations(next + block * LANES, state);
}

ALWAYS_INLINE void step_rows(const bigru_matrix *matrix, const int32_t num_rows, const bigru_step *step,
                             int32_t first) {
    const activation *previous[TILE_ROWS];
    for (int32_t row = 0; row < num_rows; row++) {
        previous[row] = step->previous[first + row];
    }
    for (int32_t block = 0; block < matrix->num_blocks; block++) {
        sums totals;
        multiply(matrix, block, num_rows, previous, totals);
        for (int32_t row = 0; row < num_rows; row++) {
            const int32_t number = first + row;
            update_states(matrix, block, totals[row], step->inputs[number], step->states[number], step->next[number]);
        }
    }
}

static void step_all(const bigru_matrix *matrix, const bigru_step *step) {
    for (int32_t first = 0; first < step->num_rows; first += TILE_ROWS) {
#define STEP(count) step_rows(matrix, count, step, first)
        switch (smaller(step->num_rows - first, TILE_ROWS)) { WITH_ROWS(STEP) }
#undef STEP
    }
}

static void quantize_states(int32_t size, const float *states, void *target) {
    for (int32_t number = 0; number < size; number++) {
        const int32_t integer = bigru_bits_of(states[number] * BIGRU_MAX_BYTE + BIGRU_ROUND) + OFFSET;
        ((activation *)target)[number] = (activation)integer;
    }
}

static float quantize_features(int32_t size, int32_t stride, const float *features, void *target) {
    activation *high = target, *low = high + stride;
    float largest = 0.0f;
    for (int32_t number = 0; number < size; number++) {
        const float magnitude = features[number] < 0.0f ? -features[number] : features[number];
        largest = magnitude > largest ? magnitude : largest;
    }
    /* The smallest normal number: the scale of smaller ones would be infinite. */
    const float scale = largest > 1.2e-33f ? BIGRU_MAX_FEATURE / largest : 0.0f;
    for (int32_t number = 0; number < size; number++) {
        const int32_t integer = bigru_bits_of(features[number] * scale + BIGRU_ROUND) - bigru_bits_of(BIGRU_ROUND);
        const int32_t high_byte = (integer + 128) >> 8;
        high[number] = (activation)(high_byte + OFFSET);
        low[number] = (activation)(integer - high_byte * 256 + OFFSET);
    }
    return largest / BIGRU_MAX_FEATURE;
}

const bigru_kernel KERNEL = {
    .name = KERNEL_NAME,
    .lanes = LANES,
    .group = GROUP,
    .activation_size = sizeof(activation),
    .offset = OFFSET,
    .quantize_states = quantize_states,
    .quantize_features = quantize_features,
    .project = project,
    .step = step_all,
};
