#include "network_piece.h"

#include <string.h>

#include "lines.h"
#include "polynomials.h"

#pragma STDC FP_CONTRACT OFF

int64_t bigru_hidden_bytes(const bigru_network *network) {
    return (int64_t)network->padded_hidden * network->kernel->activation_size;
}

int64_t bigru_feature_bytes(const bigru_network *network) {
    return 2 * (int64_t)network->padded_inputs * network->kernel->activation_size;
}

static size_t in_lines(int64_t num_bytes) {
    return ((size_t)num_bytes + 63) / 64 * 64;
}

int32_t bigru_allocate_scratch(bigru_scratch *room, const bigru_network *network, int64_t num_frames) {
    const bigru_matrix *head = &network->head;
    int64_t num_outputs = (int64_t)BIGRU_GATES * network->padded_hidden;
    const int64_t head_outputs = (int64_t)head->num_blocks * BIGRU_GATES * network->kernel->lanes;
    num_outputs = head_outputs > num_outputs ? head_outputs : num_outputs;
    const int64_t second_bytes = 2 * bigru_hidden_bytes(network), features = bigru_feature_bytes(network);
    const int64_t first_bytes = second_bytes > features ? second_bytes : features;
    const size_t products = in_lines(BIGRU_CHUNK_FRAMES * num_outputs * (int64_t)sizeof(float));
    const size_t states = in_lines(BIGRU_MAX_ROWS * (int64_t)network->padded_hidden * (int64_t)sizeof(float));
    const size_t first_states = in_lines(BIGRU_MAX_ROWS * bigru_hidden_bytes(network));
    const size_t first = in_lines(num_frames * first_bytes), second = in_lines(num_frames * second_bytes);
    const size_t scales = in_lines(num_frames * (int64_t)sizeof(float));
    char *next = bigru_allocate_lines(products + states + first_states + first + second + scales, &room->memory);
    if (!next) {
        return -1;
    }
    room->products = (float *)next;
    room->states = (float *)(next += products);
    room->first_states = next += states;
    room->activations[0] = next += first_states;
    room->activations[1] = next += first;
    room->scales = (float *)(next + second);
    return 0;
}

static int64_t frame_of(const bigru_piece *part, int32_t row, int32_t time) {
    return part->firsts[row] + time * part->stride;
}

static int32_t num_running(const bigru_piece *part, int32_t time) {
    int32_t count = part->num_rows;
    while (count > 0 && part->lengths[count - 1] <= time) {
        count--;
    }
    return count;
}

/* The inputs' share of the frames of some steps, one behind the other, each with the rows that still run. */
static void project_inputs(const bigru_piece *part, int32_t start, int32_t stop, float *products) {
    const void *rows[2 * BIGRU_CHUNK_FRAMES];
    float scales[BIGRU_CHUNK_FRAMES];
    int32_t count = 0, num_pointers = 0;
    for (int32_t time = start; time < stop; time++) {
        const int32_t running = num_running(part, time);
        for (int32_t row = 0; row < running; row++) {
            const int64_t frame = frame_of(part, row, time);
            const char *input = part->inputs + frame * part->input_bytes;
            rows[num_pointers++] = input;
            if (part->input_scales) {
                rows[num_pointers++] = input + part->input_bytes / 2;
                scales[count] = part->input_scales[frame];
            }
            count++;
        }
    }
    const bigru_kernel *kernel = part->network->kernel;
    kernel->project(&part->direction->inputs, count, rows, part->input_scales ? scales : NULL, products);
}

/* One step of the rows that still run, given the inputs' share of their frames; returns their number. */
static int32_t take_step(const bigru_piece *part, bigru_scratch *room, int32_t time, const float *products) {
    const bigru_network *network = part->network;
    const int32_t padded_hidden = network->padded_hidden;
    bigru_step step = {.num_rows = num_running(part, time)};
    for (int32_t row = 0; row < step.num_rows; row++) {
        const int64_t frame = frame_of(part, row, time);
        char *next = part->outputs + frame * part->output_bytes;
        step.previous[row] = time ? next - part->stride * part->output_bytes
                                  : room->first_states + row * bigru_hidden_bytes(network);
        step.next[row] = next;
        step.states[row] = room->states + row * padded_hidden;
        step.inputs[row] = products + row * BIGRU_GATES * padded_hidden;
    }
    network->kernel->step(&part->direction->recurrence, &step);
    for (int32_t row = 0; part->float_outputs && row < step.num_rows; row++) {
        memcpy(part->float_outputs + frame_of(part, row, time) * network->hidden_size, step.states[row],
               (size_t)network->hidden_size * sizeof(float));
    }
    return step.num_rows;
}

void bigru_run_piece(const bigru_piece *part, bigru_scratch *room) {
    const bigru_network *network = part->network;
    network->kernel->quantize_states(part->num_rows * network->padded_hidden, room->states, room->first_states);
    int32_t running;
    for (int32_t start = 0, stop; (running = num_running(part, start)) > 0; start = stop) {
        stop = start + BIGRU_CHUNK_FRAMES / running;
        stop = stop < part->lengths[0] ? stop : part->lengths[0];
        project_inputs(part, start, stop, room->products);
        const float *products = room->products;
        for (int32_t time = start; time < stop; time++) {
            const int32_t count = take_step(part, room, time, products);
            products += (int64_t)count * BIGRU_GATES * network->padded_hidden;
        }
    }
}

static void score(const bigru_network *network, const float *products, float *log_probs) {
    const int32_t num_classes = network->num_classes;
    float largest = products[0] + products[num_classes];
    for (int32_t class = 0; class < num_classes; class++) {
        log_probs[class] = products[class] + products[num_classes + class];
        largest = log_probs[class] > largest ? log_probs[class] : largest;
    }
    float sum = 0.0f;
    for (int32_t class = 0; class < num_classes; class++) {
        const float exponent = (log_probs[class] - largest) * BIGRU_LOG2_E;
        sum += bigru_exp2(exponent > -100.0f ? exponent : -100.0f);
    }
    const float normalizer = largest + bigru_log(sum);
    for (int32_t class = 0; class < num_classes; class++) {
        log_probs[class] -= normalizer;
    }
}

void bigru_run_head(const bigru_network *network, int64_t num_frames, const char *inputs, float *products,
                    float *log_probs) {
    const bigru_matrix *head = &network->head;
    const int32_t num_outputs = head->num_blocks * BIGRU_GATES * network->kernel->lanes;
    for (int64_t start = 0; start < num_frames; start += BIGRU_CHUNK_FRAMES) {
        const void *rows[BIGRU_CHUNK_FRAMES];
        const int64_t rest = num_frames - start;
        const int32_t count = rest < BIGRU_CHUNK_FRAMES ? (int32_t)rest : BIGRU_CHUNK_FRAMES;
        for (int32_t frame = 0; frame < count; frame++) {
            rows[frame] = inputs + (start + frame) * 2 * bigru_hidden_bytes(network);
        }
        network->kernel->project(head, count, rows, NULL, products);
        for (int32_t frame = 0; frame < count; frame++) {
            score(network, products + (int64_t)frame * num_outputs,
                  log_probs + (start + frame) * network->num_classes);
        }
    }
}
