#include "beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUM_BINS = 256, MAX_TIES = 128 };

int bigru_hypotheses_reserve(bigru_hypotheses *hypotheses, size_t num_more) {
    size_t wanted = hypotheses->count + num_more;
    if (wanted <= hypotheses->capacity) return 0;
    size_t capacity = 2 * wanted;
    bigru_hypothesis *items = realloc(hypotheses->items, capacity * sizeof(*items));
    if (!items) return -1;
    hypotheses->items = items;
    hypotheses->capacity = capacity;
    return 0;
}

/* A table with room for twice as many hypotheses, whose places are all from earlier mergings. */
static int prepare(bigru_merger *merger, size_t count) {
    size_t size = merger->size ? merger->size : 1 << 12;
    while (size < 2 * count) size *= 2;
    if (size > merger->size || merger->number == UINT32_MAX) {
        free(merger->places);
        merger->places = calloc(size, sizeof(*merger->places));
        merger->size = merger->places ? size : 0;
        merger->number = 0;
        if (!merger->places) return -1;
    }
    merger->number++;
    return 0;
}

static double add_logarithms(double first, double second) {
    if (first == second) return first + log1p(1.0); /* Also where both are infinite. */
    double difference = first > second ? second - first : first - second;
    return (first > second ? first : second) + log1p(exp(difference));
}

static void merge_into(bigru_hypothesis *known, const bigru_hypothesis *other, int log_add) {
    double score = log_add ? add_logarithms(known->score, other->score) : known->score;
    if (other->own_score > known->own_score) {
        *known = *other;
        if (!log_add) score = other->score;
    }
    known->score = score;
}

int bigru_merge(bigru_merger *merger, bigru_hypotheses *hypotheses, double least, int log_add) {
    if (prepare(merger, hypotheses->count)) return -1;
    bigru_hypothesis *items = hypotheses->items;
    const uint64_t stamp = (uint64_t)merger->number << 32;
    const size_t mask = merger->size - 1;
    size_t count = 0;
    for (size_t each = 0; each < hypotheses->count; each++) {
        const bigru_hypothesis *item = &items[each];
        if (item->score < least) continue;
        uint64_t key = ((uint64_t)item->history << 32 | item->node) * UINT64_C(0x9E3779B97F4A7C15);
        key = (key ^ (key >> 29) ^ item->class_id) * UINT64_C(0xBF58476D1CE4E5B9);
        size_t place = (size_t)(key >> 32) & mask;
        for (;; place = (place + 1) & mask) {
            uint64_t found = merger->places[place];
            if (found >> 32 != merger->number) {
                merger->places[place] = stamp | count;
                items[count++] = *item;
                break;
            }
            bigru_hypothesis *known = &items[(uint32_t)found];
            if (known->node == item->node && known->history == item->history && known->class_id == item->class_id) {
                merge_into(known, item, log_add);
                break;
            }
        }
    }
    hypotheses->count = count;
    return 0;
}

static int is_lower(const void *first, const void *second) {
    double a = *(const double *)first, b = *(const double *)second;
    return (a < b) - (a > b);
}

/* The bin, of some, in which the wanted one lies; afterwards `wanted` counts within it. */
static uint32_t bin_of(const uint32_t *counts, size_t *wanted) {
    uint32_t bin = 0;
    while (counts[bin] < *wanted) *wanted -= counts[bin++];
    return bin;
}

/* Number of a score between two others, from 0 for the upper one to 65,535. */
static inline uint32_t number_of(double score, double high, double scale) {
    return (uint32_t)((high - score) * scale);
}

/*
 * Score of the last one of the best `wanted`. Scores become 16-bit numbers, of which first the upper and then the
 * lower halves are counted. Where more than MAX_TIES have the same number, these are divided again.
 */
static double limit_of(const bigru_hypotheses *hypotheses, size_t wanted) {
    const bigru_hypothesis *items = hypotheses->items;
    const size_t count = hypotheses->count;
    double low = -INFINITY, high = INFINITY, ties[MAX_TIES];
    for (;;) {
        double lowest = INFINITY, highest = -INFINITY;
        for (size_t each = 0; each < count; each++) {
            const double score = items[each].score;
            if (!(score >= low && score <= high)) continue;
            if (score < lowest) lowest = score;
            if (score > highest) highest = score;
        }
        low = lowest;
        high = highest;
        const double scale = 65535.0 / (high - low);
        if (!(scale > 0.0) || !isfinite(scale)) return low;
        uint32_t counts[NUM_BINS] = {0}, finer[NUM_BINS] = {0};
        for (size_t each = 0; each < count; each++) {
            const double score = items[each].score;
            if (score >= low && score <= high) counts[number_of(score, high, scale) >> 8]++;
        }
        const uint32_t bin = bin_of(counts, &wanted);
        for (size_t each = 0; each < count; each++) {
            const double score = items[each].score;
            if (!(score >= low && score <= high)) continue;
            const uint32_t number = number_of(score, high, scale);
            if (number >> 8 == bin) finer[number & 255]++;
        }
        const uint32_t limit = bin << 8 | bin_of(finer, &wanted);
        size_t num_ties = 0;
        lowest = INFINITY;
        highest = -INFINITY;
        for (size_t each = 0; each < count; each++) {
            const double score = items[each].score;
            if (!(score >= low && score <= high) || number_of(score, high, scale) != limit) continue;
            if (num_ties < MAX_TIES) ties[num_ties] = score;
            num_ties++;
            if (score < lowest) lowest = score;
            if (score > highest) highest = score;
        }
        if (num_ties <= MAX_TIES) {
            qsort(ties, num_ties, sizeof(*ties), is_lower);
            return ties[wanted - 1];
        }
        low = lowest;
        high = highest;
    }
}

void bigru_keep_best(bigru_hypotheses *hypotheses, size_t num_kept) {
    bigru_hypothesis *items = hypotheses->items;
    if (hypotheses->count > num_kept) {
        const double limit = limit_of(hypotheses, num_kept);
        size_t num_better = 0, count = 0;
        for (size_t each = 0; each < hypotheses->count; each++) num_better += items[each].score > limit;
        /* Of those at the limit only so many are taken that the better ones, which may come later, have room. */
        size_t num_equal = num_better < num_kept ? num_kept - num_better : 0;
        for (size_t each = 0; each < hypotheses->count && count < num_kept; each++) {
            const int is_equal = items[each].score == limit;
            if (!(items[each].score > limit) && !(is_equal && num_equal)) continue;
            num_equal -= (size_t)is_equal;
            items[count++] = items[each];
        }
        hypotheses->count = count;
    }
    size_t best = 0;
    for (size_t each = 1; each < hypotheses->count; each++) {
        if (items[each].score > items[best].score) best = each;
    }
    if (best) {
        bigru_hypothesis first = items[0];
        items[0] = items[best];
        items[best] = first;
    }
}
