#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "network_kernel.h"
#include "polynomials.h"
#include "processor.h"

#pragma STDC FP_CONTRACT OFF

/* Arrays of a network for each direction of a layer: weights of inputs and states, and their biases. */
enum { PARTS = 4 };

/* The gates' arguments as the kernel takes them: sigmoid(x) = 1 / (1 + 2^(-x log2 e)), and tanh likewise of 2x. */
static const float ARGUMENT_FACTORS[BIGRU_GATES] = {-BIGRU_LOG2_E, -BIGRU_LOG2_E, 2.0f * BIGRU_LOG2_E};

static int32_t padded(int32_t size, int32_t multiple) {
    return (size + multiple - 1) / multiple * multiple;
}

static const bigru_kernel *find_kernel(const char *name) {
    const bigru_kernel *known[4];
    int32_t count = 0;
#if defined(__x86_64__)
    if (bigru_has_avx512vnni()) {
        known[count++] = &bigru_kernel_avx512vnni;
    }
    if (bigru_has_avxvnni()) {
        known[count++] = &bigru_kernel_avxvnni;
    }
    if (bigru_has_avx2()) {
        known[count++] = &bigru_kernel_avx2;
    }
#elif defined(__aarch64__)
    if (bigru_has_dotprod()) {
        known[count++] = &bigru_kernel_dotprod;
    }
#endif
    known[count++] = &bigru_kernel_generic;
    for (int32_t number = 0; number < count; number++) {
        if (!name || strcmp(name, known[number]->name) == 0) {
            return known[number];
        }
    }
    return NULL;
}

/* Memory for a matrix of `num_outputs`, which the blocks fill up, and a padded number of inputs. */
static int32_t allocate_matrix(bigru_matrix *matrix, const bigru_kernel *kernel, int32_t num_outputs, int32_t size) {
    const int32_t width = BIGRU_GATES * kernel->lanes;
    matrix->num_blocks = padded(num_outputs, width) / width;
    matrix->size = size;
    const size_t outputs = (size_t)matrix->num_blocks * (size_t)width, num_weights = outputs * (size_t)size;
    const size_t num_bytes = num_weights + 3 * outputs * sizeof(float);
    matrix->weights = bigru_allocate_lines(num_bytes, &matrix->memory);
    if (!matrix->weights) {
        return -1;
    }
    memset(matrix->weights, 0, num_bytes);
    /* The sizes are multiples of 16, and so are these addresses. */
    matrix->scales = (float *)(matrix->weights + num_weights);
    matrix->biases = matrix->scales + outputs;
    matrix->corrections = (int32_t *)(matrix->biases + outputs);
    return 0;
}

static int32_t rounded(float value) {
    return bigru_bits_of(value + BIGRU_ROUND) - bigru_bits_of(BIGRU_ROUND);
}

static float largest_magnitude(const float *values, int32_t count) {
    float largest = 0.0f;
    for (int32_t number = 0; number < count; number++) {
        const float magnitude = values[number] < 0.0f ? -values[number] : values[number];
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

/* Write one weight of an output, counted in the order of the blocks. */
static void set_weight(bigru_matrix *matrix, const bigru_kernel *kernel, int32_t output, int32_t input,
                       int32_t weight) {
    const int32_t lanes = kernel->lanes, group = kernel->group;
    const int32_t block = output / (BIGRU_GATES * lanes), gate = output / lanes % BIGRU_GATES;
    const int64_t groups = (int64_t)block * (matrix->size / group) + input / group;
    const int64_t place = ((groups * BIGRU_GATES + gate) * lanes + output % lanes) * group + input % group;
    matrix->weights[place] = (int8_t)weight;
    matrix->corrections[output] -= kernel->offset * weight;
}

/* A row of `size` weights as bytes; those from `half` on belong to inputs from `second` on. Returns its scale. */
static float set_row(bigru_matrix *matrix, const bigru_kernel *kernel, int32_t output, const float *row, int32_t size,
                     int32_t half, int32_t second) {
    const float largest = largest_magnitude(row, size);
    const float factor = largest > 0.0f ? BIGRU_MAX_BYTE / largest : 0.0f;
    for (int32_t number = 0; number < size; number++) {
        const int32_t input = number < half ? number : second + number - half;
        set_weight(matrix, kernel, output, input, rounded(row[number] * factor));
    }
    return largest / BIGRU_MAX_BYTE;
}

static int32_t pack_direction(const bigru_network *network, bigru_direction *direction, int32_t layer,
                              const float *const *parts) {
    const bigru_kernel *kernel = network->kernel;
    const int32_t hidden = network->hidden_size, padded_hidden = network->padded_hidden;
    const int32_t num_inputs = layer ? 2 * hidden : network->input_size;
    const int32_t padded_inputs = layer ? 2 * padded_hidden : network->padded_inputs;
    if (allocate_matrix(&direction->inputs, kernel, BIGRU_GATES * padded_hidden, padded_inputs) ||
        allocate_matrix(&direction->recurrence, kernel, BIGRU_GATES * padded_hidden, padded_hidden)) {
        return -1;
    }
    for (int32_t gate = 0; gate < BIGRU_GATES; gate++) {
        const float factor = ARGUMENT_FACTORS[gate], state_factor = factor / BIGRU_MAX_BYTE;
        for (int32_t unit = 0; unit < hidden; unit++) {
            const int32_t row = gate * hidden + unit;
            const int32_t output = (unit / kernel->lanes * BIGRU_GATES + gate) * kernel->lanes + unit % kernel->lanes;
            const int32_t half = layer ? hidden : num_inputs;
            const float input_scale = set_row(&direction->inputs, kernel, output, parts[0] + (int64_t)row * num_inputs,
                                              num_inputs, half, padded_hidden);
            direction->inputs.scales[output] = input_scale * (layer ? state_factor : factor);
            direction->recurrence.scales[output] = state_factor * set_row(&direction->recurrence, kernel, output,
                                                                          parts[1] + (int64_t)row * hidden, hidden,
                                                                          hidden, 0);
            /* The reset gate multiplies the recurrent bias of the new gate, and nothing the others. */
            const float bias = parts[2][row], recurrent_bias = parts[3][row];
            direction->inputs.biases[output] = factor * (gate < 2 ? bias + recurrent_bias : bias);
            direction->recurrence.biases[output] = gate < 2 ? 0.0f : factor * recurrent_bias;
        }
    }
    return 0;
}

/* The output layer has weights of 16 bits: the high bytes of all classes, and then the low bytes. */
static int32_t pack_head(bigru_network *network, const float *weight, const float *bias) {
    const int32_t hidden = network->hidden_size, num_classes = network->num_classes;
    bigru_matrix *head = &network->head;
    if (allocate_matrix(head, network->kernel, 2 * num_classes, 2 * network->padded_hidden)) {
        return -1;
    }
    for (int32_t class = 0; class < num_classes; class++) {
        const float *row = weight + (int64_t)class * 2 * hidden;
        const float largest = largest_magnitude(row, 2 * hidden);
        const float factor = largest > 0.0f ? BIGRU_MAX_FEATURE / largest : 0.0f;
        for (int32_t number = 0; number < 2 * hidden; number++) {
            const int32_t input = number < hidden ? number : network->padded_hidden + number - hidden;
            const int32_t integer = rounded(row[number] * factor), high = (integer + 128) >> 8;
            set_weight(head, network->kernel, class, input, high);
            set_weight(head, network->kernel, num_classes + class, input, integer - 256 * high);
        }
        const float scale = largest / BIGRU_MAX_FEATURE / BIGRU_MAX_BYTE;
        head->scales[class] = 256.0f * scale;
        head->scales[num_classes + class] = scale;
        head->biases[class] = bias[class];
    }
    return 0;
}

bigru_network *bigru_network_new(int32_t num_layers, int32_t input_size, int32_t hidden_size, int32_t num_classes,
                                 const float *const *weights, const char *kernel) {
    const bigru_kernel *chosen = find_kernel(kernel);
    bigru_network *network = chosen ? calloc(1, sizeof *network) : NULL;
    if (!network) {
        return NULL;
    }
    network->kernel = chosen;
    network->num_layers = num_layers;
    network->input_size = input_size;
    network->hidden_size = hidden_size;
    network->num_classes = num_classes;
    network->padded_inputs = padded(input_size, BIGRU_PADDING);
    network->padded_hidden = padded(hidden_size, BIGRU_PADDING);
    network->directions = calloc(2 * (size_t)num_layers, sizeof *network->directions);
    int32_t failed = !network->directions;
    for (int32_t number = 0; !failed && number < 2 * num_layers; number++) {
        failed = pack_direction(network, network->directions + number, number / 2, weights + PARTS * number);
    }
    const float *const *head = weights + 2 * PARTS * num_layers;
    if (failed || pack_head(network, head[0], head[1])) {
        bigru_network_free(network);
        return NULL;
    }
    return network;
}

void bigru_network_free(bigru_network *network) {
    if (!network) {
        return;
    }
    for (int32_t number = 0; network->directions && number < 2 * network->num_layers; number++) {
        free(network->directions[number].inputs.memory);
        free(network->directions[number].recurrence.memory);
    }
    free(network->directions);
    free(network->head.memory);
    free(network);
}

const char *bigru_network_fastest(void) {
    return find_kernel(NULL)->name;
}

const char *bigru_network_kernel(const bigru_network *network) {
    return network->kernel->name;
}
