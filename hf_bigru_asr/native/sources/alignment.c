#include "alignment.h"

#include <math.h>
#include <stdlib.h>

/* State `2 * i` is the blank before label `i`, `2 * i + 1` is label `i`. */
typedef struct {
    float *scores;      /* Of the best path in each state, with two states before them that no path is in. */
    float *skip;        /* What leaving out the blank before a label adds: 0, or minus infinity between equal ones. */
    int32_t *classes;
    uint8_t *back;      /* States that the best path into a state has come by, for every frame. */
    int32_t num_states;
} table;

static int start(table *made, int32_t num_frames, const int32_t *labels, int32_t num_labels, int32_t blank) {
    const int32_t num_states = made->num_states = 2 * num_labels + 1;
    made->scores = malloc(((size_t)num_states + 2) * sizeof(float));
    made->skip = malloc((size_t)num_states * sizeof(float));
    made->classes = malloc((size_t)num_states * sizeof(int32_t));
    made->back = malloc((size_t)num_frames * (size_t)num_states);
    if (!made->scores || !made->skip || !made->classes || !made->back) return -1;
    for (int32_t state = 0; state < num_states; state++) {
        const int32_t label = state / 2;
        const int can_skip = state % 2 && label > 0 && labels[label] != labels[label - 1];
        made->classes[state] = state % 2 ? labels[label] : blank;
        made->skip[state] = can_skip ? 0.0f : -INFINITY;
        made->scores[state + 2] = -INFINITY;
    }
    made->scores[0] = made->scores[1] = -INFINITY;
    return 0;
}

static void end(table *made) {
    free(made->scores);
    free(made->skip);
    free(made->classes);
    free(made->back);
}

static void advance(table *made, const float *row, uint8_t *back) {
    float *scores = made->scores + 2;
    /* From the last state on, so that the scores of the frame before are still there. */
    for (int32_t state = made->num_states - 1; state >= 0; state--) {
        const float two_before = scores[state - 2] + made->skip[state], before = scores[state - 1];
        float best = scores[state];
        uint8_t steps = 0;
        if (before > best) {
            best = before;
            steps = 1;
        }
        if (two_before > best) {
            best = two_before;
            steps = 2;
        }
        scores[state] = best + row[made->classes[state]];
        back[state] = steps;
    }
}

int32_t bigru_forced_path(const float *emissions, int32_t num_frames, int32_t num_classes, const int32_t *labels,
                          int32_t num_labels, int32_t blank, int64_t *path) {
    if (num_frames < 1 || num_labels < 1 || num_labels > INT32_MAX / 4 || blank < 0 || blank >= num_classes) return -1;
    for (int32_t each = 0; each < num_labels; each++) {
        if (labels[each] < 0 || labels[each] >= num_classes) return -1;
    }
    table made = {0};
    if (start(&made, num_frames, labels, num_labels, blank)) {
        end(&made);
        return -1;
    }
    const size_t num_states = (size_t)made.num_states;
    float *scores = made.scores + 2;
    scores[0] = emissions[blank];
    scores[1] = emissions[labels[0]];
    for (int32_t frame = 1; frame < num_frames; frame++) {
        advance(&made, emissions + (size_t)frame * (size_t)num_classes, made.back + (size_t)frame * num_states);
    }
    size_t state = scores[num_states - 1] > scores[num_states - 2] ? num_states - 1 : num_states - 2;
    for (int32_t frame = num_frames - 1; frame > 0; frame--) {
        path[frame] = made.classes[state];
        const size_t steps = made.back[(size_t)frame * num_states + state];
        state -= steps < state ? steps : state;
    }
    path[0] = made.classes[state];
    end(&made);
    return 0;
}
