/* The bonus of a sequence of words for the hotwords in it, as an automaton. */
#ifndef BIGRU_PHRASES_H
#define BIGRU_PHRASES_H

#include <stdint.h>

#include "platform.h"

enum { BIGRU_PHRASE_START = 0 };

typedef struct {
    int32_t word;
    uint32_t next;
    double gain;
} bigru_phrase_arc;

typedef struct {
    uint32_t num_states;
    uint32_t *ends;         /* Where the arcs of a state end; they are in the order of their words. */
    bigru_phrase_arc *arcs;
    uint32_t *failures;     /* Where a word without an arc is looked up again. */
    double *failure_gains;  /* Change of the score on the way there, in nats. */
    double *finish_gains;   /* Change of the score at the end of a hypothesis. */
    uint8_t *is_of_phrase;  /* Whether a word of the lexicon is one of a phrase. */
} bigru_phrases;

/*
 * Copy an automaton.
 *
 * The start, state 0, fails to itself. Every other state fails to one with less of a phrase behind it.
 * Returns NULL if memory is lacking, or a number is out of range.
 */
BIGRU_API bigru_phrases *bigru_phrases_new(uint32_t num_states, const uint32_t *ends, const int32_t *words,
                                           const uint32_t *nexts, const double *gains, const uint32_t *failures,
                                           const double *failure_gains, const double *finish_gains,
                                           int32_t num_words);
BIGRU_API void bigru_phrases_free(bigru_phrases *phrases);

/* State after one more word, and the change of the score in nats. */
uint32_t bigru_phrases_advance(const bigru_phrases *phrases, uint32_t state, int32_t word, double *gain);
double bigru_phrases_finish(const bigru_phrases *phrases, uint32_t state);

#endif
