/* An n-gram as a trie in the binary format of KenLM, read where it lies. */
#ifndef BIGRU_TRIE_H
#define BIGRU_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "ngram.h"

/* N-grams of one length, bit by bit one behind the other: word, weights, where the longer ones begin. */
typedef struct {
    const uint8_t *base;
    uint64_t count;     /* N-grams. */
    uint64_t num_below; /* Those of one word more. */
    uint32_t word_bits, weight_bits, next_bits, total_bits;
    uint64_t offset;         /* Of the pointers' upper bits, where pointers are compressed. */
    uint64_t num_offsets;    /* 0 without compression. */
    uint64_t score_table, backoff_table; /* Offsets of the tables of quantised weights. */
} bigru_trie_level;

typedef struct {
    const uint8_t *data;
    uint32_t order;
    int is_quantized;
    uint32_t score_bits, backoff_bits;
    uint64_t vocabulary; /* Offset of the sorted hashes of the words. */
    uint64_t num_words;
    uint64_t unigrams; /* Offset of their records. */
    uint64_t num_unigrams;
    bigru_trie_level levels[BIGRU_MAX_ORDER - 1]; /* Of 2 words and more. */
    uint32_t sentence_start;
} bigru_trie;

/* The n-grams whose last words are known, and which differ in the word before. */
typedef struct {
    uint64_t begin, end;
} bigru_trie_range;

typedef struct {
    float score, backoff;
} bigru_trie_weights;

/* Whether a file begins as those of KenLM do. */
int bigru_trie_is_binary(const uint8_t *data, size_t size);

/* Returns NULL, or what is wrong with the file. */
const char *bigru_trie_open(bigru_trie *trie, const uint8_t *data, size_t size);

uint32_t bigru_trie_index(const bigru_trie *trie, const char *word, size_t length);

bigru_trie_weights bigru_trie_unigram(const bigru_trie *trie, uint32_t word, bigru_trie_range *range);

/*
 * The n-gram with one more word before it. The range becomes that of the still longer ones. Returns 0 if there is
 * none. level: 0 for n-grams of two words.
 */
int bigru_trie_longer(const bigru_trie *trie, uint32_t level, uint32_t word_before, bigru_trie_range *range,
                      bigru_trie_weights *weights);

#endif
