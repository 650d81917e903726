/* Scores of words after other words, from the files of KenLM. */
#ifndef BIGRU_NGRAM_H
#define BIGRU_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

enum { BIGRU_MAX_ORDER = 6, BIGRU_MAX_HISTORY = BIGRU_MAX_ORDER - 1 };

/*
 * What of the words so far the next score depends on, the newest word first. Only the first `length` places have
 * values. Longer histories that no n-gram begins with are left out, as KenLM does.
 */
typedef struct {
    float backoff[BIGRU_MAX_HISTORY];
    uint32_t words[BIGRU_MAX_HISTORY];
    uint32_t length;
} bigru_ngram_state;

typedef struct bigru_ngram bigru_ngram;

/*
 * Open a model.
 *
 * data: A file in memory: a trie of KenLM, with or without quantisation and compressed pointers, or the text of an
 * ARPA file. It must outlive the model, and begin at a multiple of 8 bytes.
 * Returns NULL and a message if it is something else or broken.
 */
BIGRU_API bigru_ngram *bigru_ngram_open(const void *data, size_t size, char *error, size_t error_size);
BIGRU_API void bigru_ngram_close(bigru_ngram *ngram);

/* Number of a word; 0 if it is unknown. */
BIGRU_API uint32_t bigru_ngram_index(const bigru_ngram *ngram, const char *word, size_t length);

/* State at the beginning of a sentence. */
BIGRU_API void bigru_ngram_begin(const bigru_ngram *ngram, bigru_ngram_state *state);

/* Base-10 logarithm of the probability of a word, and the state after it. */
BIGRU_API float bigru_ngram_score(const bigru_ngram *ngram, const bigru_ngram_state *before, uint32_t word,
                                  bigru_ngram_state *after);

#endif
