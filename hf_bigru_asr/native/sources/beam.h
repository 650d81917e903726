/* Hypotheses of one frame: those that come into question, merged, and the best of them. */
#ifndef BIGRU_BEAM_H
#define BIGRU_BEAM_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    double score;     /* Logarithm of the weight; of merged ones, of all together. */
    double own_score; /* The same of the best one alone. */
    uint32_t history, node;
    uint32_t parent; /* Hypothesis of the frame before. */
    int32_t word;    /* Word that the frame completes, -1 for none. */
    uint8_t class_id;
} bigru_hypothesis;

typedef struct {
    bigru_hypothesis *items;
    size_t count, capacity;
} bigru_hypotheses;

/* Make room for some more. Returns 0, or -1 if memory is lacking. */
int bigru_hypotheses_reserve(bigru_hypotheses *hypotheses, size_t num_more);

/* Finds hypotheses at one place in one history. */
typedef struct {
    uint64_t *places; /* Number of the merging, and of the hypothesis plus one. */
    size_t size;
    uint32_t number;
} bigru_merger;

/*
 * Keep those not below a score, in place; of those with one history, node and class the best one, with the weight of
 * all if `log_add`. Returns 0, or -1 if memory is lacking.
 */
int bigru_merge(bigru_merger *merger, bigru_hypotheses *hypotheses, double least, int log_add);

/* Keep the best `num_kept` in place, and put the very best one first. */
void bigru_keep_best(bigru_hypotheses *hypotheses, size_t num_kept);

#endif
