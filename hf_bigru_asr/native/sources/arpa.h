/* An n-gram from the text of an ARPA file, in hash tables. */
#ifndef BIGRU_ARPA_H
#define BIGRU_ARPA_H

#include <stddef.h>
#include <stdint.h>

enum { BIGRU_ARPA_MAX_ORDER = 6 };

typedef struct {
    uint64_t key; /* Of the words, 0 for an empty place. */
    float score, backoff; /* The weight is a negative zero if no n-gram begins with this one and it has none. */
} bigru_arpa_entry;

typedef struct {
    uint64_t key;
    uint32_t index;
} bigru_arpa_word;

typedef struct {
    uint32_t order;
    bigru_arpa_word *words; /* Numbers of the words. */
    size_t words_size;
    bigru_arpa_entry *unigrams; /* By the numbers of their words; their keys are not used. */
    uint32_t num_words;
    bigru_arpa_entry *entries; /* All longer n-grams. */
    size_t entries_size;
    uint32_t sentence_start;
} bigru_arpa;

/* Read the whole text. Returns NULL and a message if it is no ARPA file, or memory is lacking. */
bigru_arpa *bigru_arpa_parse(const char *text, size_t size, char *error, size_t error_size);
void bigru_arpa_free(bigru_arpa *arpa);

/* Number of a word; 0 if it is unknown. */
uint32_t bigru_arpa_index(const bigru_arpa *arpa, const char *word, size_t length);

/* The n-gram with one more word before it: its key, and the entry of a key, or NULL. */
uint64_t bigru_arpa_first_key(uint32_t word);
uint64_t bigru_arpa_longer_key(uint64_t key, uint32_t word_before);
const bigru_arpa_entry *bigru_arpa_find(const bigru_arpa *arpa, uint64_t key);

#endif
