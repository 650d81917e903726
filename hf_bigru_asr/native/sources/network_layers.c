#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "network_piece.h"

/* Outputs `(2 * hidden,)` of a layer as activations, each direction padded. */
static void quantize_hidden(const bigru_network *network, const float *hidden, char *target) {
    const int32_t size = network->hidden_size;
    network->kernel->quantize_states(size, hidden, target);
    network->kernel->quantize_states(size, hidden + size, target + bigru_hidden_bytes(network));
}

static void quantize_frame(const bigru_network *network, int32_t layer, const float *inputs, int64_t frame,
                           bigru_scratch *room) {
    if (layer) {
        const float *values = inputs + frame * 2 * network->hidden_size;
        quantize_hidden(network, values, room->activations[0] + frame * 2 * bigru_hidden_bytes(network));
    } else {
        room->scales[frame] = network->kernel->quantize_features(
            network->input_size, network->padded_inputs, inputs + frame * network->input_size,
            room->activations[0] + frame * bigru_feature_bytes(network));
    }
}

static void copy_states(const bigru_network *network, int32_t num_rows, const float *states, bigru_scratch *room) {
    memset(room->states, 0, BIGRU_MAX_ROWS * (size_t)network->padded_hidden * sizeof(float));
    for (int32_t row = 0; row < num_rows; row++) {
        memcpy(room->states + row * network->padded_hidden, states + (int64_t)row * network->hidden_size,
               (size_t)network->hidden_size * sizeof(float));
    }
}

int32_t bigru_network_layer(const bigru_network *network, int32_t layer, int32_t backward, int32_t num_frames,
                            int32_t num_segments, const float *inputs, const float *states, float *outputs,
                            float *last_states) {
    const int64_t count = (int64_t)num_frames * num_segments;
    const int32_t hidden = network->hidden_size;
    bigru_scratch room;
    if (bigru_allocate_scratch(&room, network, count)) {
        return -1;
    }
    for (int64_t frame = 0; frame < count; frame++) {
        quantize_frame(network, layer, inputs, frame, &room);
    }
    for (int32_t first = 0; first < num_segments; first += BIGRU_MAX_ROWS) {
        const int32_t rest = num_segments - first;
        bigru_piece part = {
            .network = network,
            .direction = network->directions + 2 * layer + backward,
            .num_rows = rest < BIGRU_MAX_ROWS ? rest : BIGRU_MAX_ROWS,
            .stride = num_segments,
            .inputs = room.activations[0],
            .input_scales = layer ? NULL : room.scales,
            .input_bytes = layer ? 2 * bigru_hidden_bytes(network) : bigru_feature_bytes(network),
            .outputs = room.activations[1],
            .output_bytes = bigru_hidden_bytes(network),
            .float_outputs = outputs,
        };
        for (int32_t row = 0; row < part.num_rows; row++) {
            part.lengths[row] = num_frames;
            part.firsts[row] = first + row;
        }
        copy_states(network, part.num_rows, states + (int64_t)first * hidden, &room);
        bigru_run_piece(&part, &room);
        for (int32_t row = 0; row < part.num_rows; row++) {
            memcpy(last_states + (int64_t)(first + row) * hidden, room.states + row * network->padded_hidden,
                   (size_t)hidden * sizeof(float));
        }
    }
    free(room.memory);
    return 0;
}

int32_t bigru_network_head(const bigru_network *network, int32_t num_frames, const float *hidden, float *log_probs) {
    bigru_scratch room;
    if (bigru_allocate_scratch(&room, network, num_frames)) {
        return -1;
    }
    for (int64_t frame = 0; frame < num_frames; frame++) {
        quantize_hidden(network, hidden + frame * 2 * network->hidden_size,
                        room.activations[0] + frame * 2 * bigru_hidden_bytes(network));
    }
    bigru_run_head(network, num_frames, room.activations[0], room.products, log_probs);
    free(room.memory);
    return 0;
}
