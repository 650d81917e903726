#include "phrases.h"

#include <stdlib.h>
#include <string.h>

static int is_valid(uint32_t num_states, const uint32_t *ends, const int32_t *words, const uint32_t *nexts,
                    const uint32_t *failures, int32_t num_words) {
    if (!num_states || failures[BIGRU_PHRASE_START] != BIGRU_PHRASE_START) return 0;
    for (uint32_t state = 0, arc = 0; state < num_states; state++) {
        if (ends[state] < arc || failures[state] >= num_states) return 0;
        uint32_t steps = 0, behind = state;
        for (; behind != BIGRU_PHRASE_START && steps < num_states; steps++) behind = failures[behind];
        if (behind != BIGRU_PHRASE_START) return 0;
        for (uint32_t first = arc; arc < ends[state]; arc++) {
            if (words[arc] < 0 || words[arc] >= num_words || nexts[arc] >= num_states) return 0;
            if (arc > first && words[arc] <= words[arc - 1]) return 0;
        }
    }
    return 1;
}

static void *copied(const void *from, size_t size) {
    void *made = malloc(size ? size : 1);
    if (made) memcpy(made, from, size);
    return made;
}

bigru_phrases *bigru_phrases_new(uint32_t num_states, const uint32_t *ends, const int32_t *words,
                                 const uint32_t *nexts, const double *gains, const uint32_t *failures,
                                 const double *failure_gains, const double *finish_gains, int32_t num_words) {
    if (!is_valid(num_states, ends, words, nexts, failures, num_words)) return NULL;
    bigru_phrases *phrases = calloc(1, sizeof(*phrases));
    if (!phrases) return NULL;
    uint32_t num_arcs = ends[num_states - 1];
    phrases->num_states = num_states;
    phrases->ends = copied(ends, num_states * sizeof(*ends));
    phrases->failures = copied(failures, num_states * sizeof(*failures));
    phrases->failure_gains = copied(failure_gains, num_states * sizeof(*failure_gains));
    phrases->finish_gains = copied(finish_gains, num_states * sizeof(*finish_gains));
    phrases->arcs = malloc(((size_t)num_arcs + 1) * sizeof(*phrases->arcs));
    phrases->is_of_phrase = calloc((size_t)num_words, 1);
    if (!phrases->ends || !phrases->failures || !phrases->failure_gains || !phrases->finish_gains || !phrases->arcs ||
        !phrases->is_of_phrase) {
        bigru_phrases_free(phrases);
        return NULL;
    }
    for (uint32_t arc = 0; arc < num_arcs; arc++) {
        phrases->arcs[arc] = (bigru_phrase_arc){words[arc], nexts[arc], gains[arc]};
        phrases->is_of_phrase[words[arc]] = 1;
    }
    return phrases;
}

void bigru_phrases_free(bigru_phrases *phrases) {
    if (!phrases) return;
    free(phrases->ends);
    free(phrases->arcs);
    free(phrases->failures);
    free(phrases->failure_gains);
    free(phrases->finish_gains);
    free(phrases->is_of_phrase);
    free(phrases);
}

/* The arc of a word, or NULL. */
static const bigru_phrase_arc *arc_of(const bigru_phrases *phrases, uint32_t state, int32_t word) {
    uint32_t low = state ? phrases->ends[state - 1] : 0, high = phrases->ends[state];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (phrases->arcs[middle].word == word) return &phrases->arcs[middle];
        if (phrases->arcs[middle].word < word) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

uint32_t bigru_phrases_advance(const bigru_phrases *phrases, uint32_t state, int32_t word, double *gain) {
    *gain = 0.0;
    for (;;) {
        const bigru_phrase_arc *arc = phrases->is_of_phrase[word] ? arc_of(phrases, state, word) : NULL;
        if (arc) {
            *gain += arc->gain;
            return arc->next;
        }
        if (state == BIGRU_PHRASE_START) return state;
        *gain += phrases->failure_gains[state];
        state = phrases->failures[state];
    }
}

double bigru_phrases_finish(const bigru_phrases *phrases, uint32_t state) { return phrases->finish_gains[state]; }
