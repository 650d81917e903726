/* Sequences of words of one search, each with a number, and the scores of the next word. */
#ifndef BIGRU_HISTORIES_H
#define BIGRU_HISTORIES_H

#include <stdint.h>

#include "lexicon.h"
#include "ngram.h"
#include "phrases.h"

enum { BIGRU_EMPTY_HISTORY = 0 };

typedef struct {
    uint32_t parent;
    int32_t word;   /* Its last word, a number of the lexicon. */
    float score;    /* What this word adds, a base-10 logarithm. */
    uint32_t state; /* Place of its state plus one; 0 if it has not been needed yet. */
    uint32_t phrase;
} bigru_history;

typedef struct {
    const bigru_ngram *ngram;
    const bigru_lexicon *lexicon;
    const bigru_phrases *phrases; /* NULL without hotwords. */
    double lm_weight;
    bigru_history *entries;
    uint32_t num_entries, capacity;
    bigru_ngram_state *states;
    uint32_t num_states, state_capacity;
    uint32_t *table; /* Numbers of histories by their parents and last words; 0 is an empty place. */
    uint32_t table_size;
} bigru_histories;

/* Returns 0, or -1 if memory is lacking. */
int bigru_histories_start(bigru_histories *histories, const bigru_ngram *ngram, const bigru_lexicon *lexicon,
                          const bigru_phrases *phrases, double lm_weight);
void bigru_histories_end(bigru_histories *histories);

/* Number of a history with one more word, whose score is in its entry; 0 if memory is lacking. */
uint32_t bigru_histories_after(bigru_histories *histories, uint32_t history, int32_t word);

/* Score of the end of a history, a base-10 logarithm; NaN if memory is lacking. */
float bigru_histories_finish(bigru_histories *histories, uint32_t history);

#endif
