#include "vocabulary.h"

#include <string.h>

void bigru_vocabulary_indexes(const bigru_ngram *ngram, const char *text, size_t size, uint32_t *indexes,
                              int32_t num_words) {
    const char *end = text + size;
    for (int32_t word = 0; word < num_words; word++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        indexes[word] = bigru_ngram_index(ngram, text, (size_t)(stop - text));
        text = stop < end ? stop + 1 : end;
    }
}

void bigru_vocabulary_scores(const bigru_ngram *ngram, const uint32_t *indexes, int32_t num_words, float *scores) {
    bigru_ngram_state start, after;
    bigru_ngram_begin(ngram, &start);
    for (int32_t word = 0; word < num_words; word++) {
        scores[word] = bigru_ngram_score(ngram, &start, indexes[word], &after);
    }
}
