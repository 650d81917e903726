#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "network_piece.h"

/* Some rows through all layers; the longest one comes first. */
static int32_t run_rows(const bigru_network *network, int32_t num_rows, const float *const *features,
                        const int32_t *lengths, float *const *log_probs) {
    int64_t starts[BIGRU_MAX_ROWS + 1] = {0};
    for (int32_t row = 0; row < num_rows; row++) {
        starts[row + 1] = starts[row] + lengths[row];
    }
    bigru_scratch room;
    if (bigru_allocate_scratch(&room, network, starts[num_rows])) {
        return -1;
    }
    for (int32_t row = 0; row < num_rows; row++) {
        for (int32_t time = 0; time < lengths[row]; time++) {
            const int64_t frame = starts[row] + time;
            /* Padding is left as it is: its weights are zero. */
            room.scales[frame] = network->kernel->quantize_features(
                network->input_size, network->padded_inputs, features[row] + (int64_t)time * network->input_size,
                room.activations[0] + frame * bigru_feature_bytes(network));
        }
    }
    for (int32_t number = 0; number < 2 * network->num_layers; number++) {
        const int32_t layer = number / 2, backward = number % 2;
        bigru_piece part = {
            .network = network,
            .direction = network->directions + number,
            .num_rows = num_rows,
            .stride = backward ? -1 : 1,
            .inputs = room.activations[layer % 2],
            .input_scales = layer ? NULL : room.scales,
            .input_bytes = layer ? 2 * bigru_hidden_bytes(network) : bigru_feature_bytes(network),
            .outputs = room.activations[(layer + 1) % 2] + backward * bigru_hidden_bytes(network),
            .output_bytes = 2 * bigru_hidden_bytes(network),
        };
        for (int32_t row = 0; row < num_rows; row++) {
            part.lengths[row] = lengths[row];
            part.firsts[row] = backward ? starts[row + 1] - 1 : starts[row];
        }
        memset(room.states, 0, BIGRU_MAX_ROWS * (size_t)network->padded_hidden * sizeof(float));
        bigru_run_piece(&part, &room);
    }
    const char *hidden = room.activations[network->num_layers % 2];
    for (int32_t row = 0; row < num_rows; row++) {
        bigru_run_head(network, lengths[row], hidden + starts[row] * 2 * bigru_hidden_bytes(network), room.products,
                       log_probs[row]);
    }
    free(room.memory);
    return 0;
}

typedef struct {
    int32_t length, number;
} row_length;

static int longer_first(const void *first, const void *second) {
    const row_length *one = first, *other = second;
    if (one->length != other->length) {
        return one->length < other->length ? 1 : -1;
    }
    return (one->number > other->number) - (one->number < other->number);
}

int32_t bigru_network_run(const bigru_network *network, int32_t num_rows, const float *const *features,
                          const int32_t *lengths, float *const *log_probs) {
    row_length *order = malloc((size_t)num_rows * sizeof *order + 1);
    if (!order) {
        return -1;
    }
    for (int32_t row = 0; row < num_rows; row++) {
        order[row] = (row_length){lengths[row], row};
    }
    qsort(order, (size_t)num_rows, sizeof *order, longer_first);
    int32_t failed = 0;
    for (int32_t first = 0; !failed && first < num_rows && order[first].length > 0; first += BIGRU_MAX_ROWS) {
        const float *row_features[BIGRU_MAX_ROWS];
        float *row_log_probs[BIGRU_MAX_ROWS];
        int32_t row_lengths[BIGRU_MAX_ROWS], count = 0;
        for (; count < BIGRU_MAX_ROWS && first + count < num_rows && order[first + count].length > 0; count++) {
            const int32_t row = order[first + count].number;
            row_features[count] = features[row];
            row_log_probs[count] = log_probs[row];
            row_lengths[count] = lengths[row];
        }
        failed = run_rows(network, count, row_features, row_lengths, row_log_probs);
    }
    free(order);
    return failed;
}
