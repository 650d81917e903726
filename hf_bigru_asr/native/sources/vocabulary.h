/* Many words of an n-gram at once. */
#ifndef BIGRU_VOCABULARY_H
#define BIGRU_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "ngram.h"
#include "platform.h"

/* Numbers of words in the n-gram, which stand in UTF-8, each with a line feed behind it, in `text`. */
BIGRU_API void bigru_vocabulary_indexes(const bigru_ngram *ngram, const char *text, size_t size, uint32_t *indexes,
                                        int32_t num_words);

/* Score of each word at the beginning of a sentence, base-10 logarithms. */
BIGRU_API void bigru_vocabulary_scores(const bigru_ngram *ngram, const uint32_t *indexes, int32_t num_words,
                                       float *scores);

#endif
