#include "arpa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float NOT_CONTINUED = -0.0f; /* Back-off weight of an n-gram that is no context, as KenLM has it. */
static const float UNKNOWN_SCORE = -100.0f; /* What KenLM gives unknown words where the file has none. */

typedef struct {
    const char *place, *end;
    uint64_t line; /* Number of the current line. */
    const char *message;
} reader;

static uint64_t mixed(uint64_t value) {
    value ^= value >> 32;
    value *= UINT64_C(0xD6E8FEB86659FD93);
    value ^= value >> 32;
    value *= UINT64_C(0xD6E8FEB86659FD93);
    return value ^ value >> 32;
}

static uint64_t key_of_text(const char *text, size_t length) {
    uint64_t key = UINT64_C(0xCBF29CE484222325);
    for (size_t each = 0; each < length; each++) key = (key ^ (uint8_t)text[each]) * UINT64_C(0x100000001B3);
    key = mixed(key);
    return key ? key : 1;
}

uint64_t bigru_arpa_first_key(uint32_t word) { return mixed((uint64_t)word + 1); }

uint64_t bigru_arpa_longer_key(uint64_t key, uint32_t word_before) {
    key = mixed(key * UINT64_C(0x9E3779B97F4A7C15) + word_before + 1);
    return key ? key : 1;
}

const bigru_arpa_entry *bigru_arpa_find(const bigru_arpa *arpa, uint64_t key) {
    if (!arpa->entries_size) return NULL;
    for (size_t place = (size_t)key & (arpa->entries_size - 1);; place = (place + 1) & (arpa->entries_size - 1)) {
        if (arpa->entries[place].key == key) return &arpa->entries[place];
        if (!arpa->entries[place].key) return NULL;
    }
}

uint32_t bigru_arpa_index(const bigru_arpa *arpa, const char *word, size_t length) {
    const uint64_t key = key_of_text(word, length);
    for (size_t place = (size_t)key & (arpa->words_size - 1);; place = (place + 1) & (arpa->words_size - 1)) {
        if (arpa->words[place].key == key) return arpa->words[place].index;
        if (!arpa->words[place].key) return 0;
    }
}

static size_t table_size(uint64_t count) {
    size_t size = 16;
    while (size < 2 * count) size *= 2;
    return size;
}

/* The next line that is not empty, without its end; 0 where there is none. */
static int next_line(reader *from, const char **line, size_t *length) {
    while (from->place < from->end) {
        const char *stop = memchr(from->place, '\n', (size_t)(from->end - from->place));
        if (!stop) stop = from->end;
        *line = from->place;
        *length = (size_t)(stop - from->place);
        from->place = stop < from->end ? stop + 1 : from->end;
        from->line++;
        while (*length && ((*line)[*length - 1] == '\r' || (*line)[*length - 1] == ' ')) --*length;
        if (*length) return 1;
    }
    return 0;
}

static void skip_empty(reader *from) {
    while (from->place < from->end && (*from->place == '\n' || *from->place == '\r' || *from->place == ' ')) {
        from->line += *from->place++ == '\n';
    }
}

/* The next field of a line, which spaces or tabs end. */
static int next_field(const char **line, const char *end, const char **field, size_t *length) {
    while (*line < end && (**line == ' ' || **line == '\t')) ++*line;
    *field = *line;
    while (*line < end && **line != ' ' && **line != '\t') ++*line;
    *length = (size_t)(*line - *field);
    return *length > 0;
}

/* A decimal number, whatever the locale is. Returns 0 if it is none. */
static int parse_number(const char *text, size_t length, float *number) {
    const char *end = text + length;
    double value = 0.0, scale = 1.0;
    int is_negative = 0, num_digits = 0, exponent = 0, is_small = 0;
    if (text < end && (*text == '-' || *text == '+')) is_negative = *text++ == '-';
    for (; text < end && *text >= '0' && *text <= '9'; num_digits++) value = 10.0 * value + (*text++ - '0');
    if (text < end && *text == '.') text++;
    for (; text < end && *text >= '0' && *text <= '9'; num_digits++) {
        value = 10.0 * value + (*text++ - '0');
        scale *= 10.0;
    }
    if (num_digits && text < end && (*text == 'e' || *text == 'E')) {
        text++;
        if (text < end && (*text == '-' || *text == '+')) is_small = *text++ == '-';
        if (text == end) return 0;
        for (; text < end && *text >= '0' && *text <= '9' && exponent < 1000; text++) {
            exponent = 10 * exponent + (*text - '0');
        }
    }
    if (!num_digits || num_digits > 300 || text != end) return 0;
    value /= scale;
    for (; exponent > 0; exponent--) value = is_small ? value / 10.0 : value * 10.0;
    *number = (float)(is_negative ? -value : value);
    return 1;
}

/* The numbers of n-grams at the head of the file. */
static int read_counts(reader *from, uint64_t *counts, uint32_t *order) {
    const char *line;
    size_t length;
    do {
        if (!next_line(from, &line, &length)) return -1;
    } while (*line == '#'); /* KenLM lets comments stand before the numbers. */
    if (length != 6 || memcmp(line, "\\data\\", 6)) return -1;
    *order = 0;
    for (skip_empty(from); from->place < from->end && *from->place != '\\'; skip_empty(from)) {
        if (!next_line(from, &line, &length)) return -1;
        const char *end = line + length;
        if (length < 9 || memcmp(line, "ngram ", 6)) return -1;
        line += 6;
        if (*line - '0' != (int)*order + 1 || line[1] != '=' || *order == BIGRU_ARPA_MAX_ORDER) return -1;
        uint64_t count = 0;
        for (line += 2; line < end && *line >= '0' && *line <= '9'; line++) {
            count = 10 * count + (uint64_t)(*line - '0');
            if (count > UINT32_MAX) return -1;
        }
        if (line != end || (!*order && !count)) return -1;
        counts[(*order)++] = count;
    }
    return *order ? 0 : -1;
}

static int is_unknown(const char *word, size_t length) {
    return length == 5 && (!memcmp(word, "<unk>", 5) || !memcmp(word, "<UNK>", 5));
}

static uint32_t add_word(bigru_arpa *arpa, const char *word, size_t length) {
    if (is_unknown(word, length)) return 0;
    const uint64_t key = key_of_text(word, length);
    size_t place = (size_t)key & (arpa->words_size - 1);
    for (; arpa->words[place].key; place = (place + 1) & (arpa->words_size - 1)) {
        if (arpa->words[place].key == key) return UINT32_MAX; /* twice */
    }
    arpa->words[place] = (bigru_arpa_word){key, arpa->num_words};
    return arpa->num_words++;
}

static uint64_t key_of_words(const uint32_t *words, uint32_t count) {
    uint64_t key = bigru_arpa_first_key(words[count - 1]);
    for (uint32_t each = count - 1; each-- > 0;) key = bigru_arpa_longer_key(key, words[each]);
    return key;
}

static bigru_arpa_entry *entry_of(bigru_arpa *arpa, const uint32_t *words, uint32_t count) {
    if (count == 1) return &arpa->unigrams[words[0]];
    return (bigru_arpa_entry *)bigru_arpa_find(arpa, key_of_words(words, count));
}

static int add_entry(bigru_arpa *arpa, const uint32_t *words, uint32_t count, float score, float backoff) {
    bigru_arpa_entry *context = entry_of(arpa, words, count - 1);
    if (!context) return -1;
    if (context->backoff == 0.0f) context->backoff = 0.0f; /* No longer the negative zero. */
    const uint64_t key = key_of_words(words, count);
    size_t place = (size_t)key & (arpa->entries_size - 1);
    for (; arpa->entries[place].key; place = (place + 1) & (arpa->entries_size - 1)) {
        if (arpa->entries[place].key == key) return -1; /* twice */
    }
    arpa->entries[place] = (bigru_arpa_entry){key, score, backoff};
    return 0;
}

/* One n-gram of `order` words. */
static int read_entry(bigru_arpa *arpa, const char *line, size_t length, uint32_t order) {
    const char *end = line + length, *field;
    size_t size;
    float score, backoff = NOT_CONTINUED;
    uint32_t words[BIGRU_ARPA_MAX_ORDER];
    if (!next_field(&line, end, &field, &size) || !parse_number(field, size, &score) || score > 0.0f) return -1;
    for (uint32_t each = 0; each < order; each++) {
        if (!next_field(&line, end, &field, &size)) return -1;
        words[each] = order == 1 ? add_word(arpa, field, size) : bigru_arpa_index(arpa, field, size);
        if (words[each] == UINT32_MAX || (!words[each] && !is_unknown(field, size))) return -1;
    }
    if (next_field(&line, end, &field, &size) && !parse_number(field, size, &backoff)) return -1;
    if (backoff == 0.0f) backoff = NOT_CONTINUED;
    if (order > 1) return add_entry(arpa, words, order, score, backoff);
    arpa->unigrams[words[0]] = (bigru_arpa_entry){0, score, backoff};
    return 0;
}

static int read_section(bigru_arpa *arpa, reader *from, uint32_t order, uint64_t count) {
    char title[] = "\\1-grams:";
    const char *line;
    size_t length;
    title[1] = (char)('0' + order);
    if (!next_line(from, &line, &length) || length != 9 || memcmp(line, title, 9)) return -1;
    for (uint64_t each = 0; each < count; each++) {
        if (!next_line(from, &line, &length) || read_entry(arpa, line, length, order)) return -1;
    }
    return 0;
}

static int reserve(bigru_arpa *arpa, const uint64_t *counts, uint64_t size) {
    uint64_t num_longer = 0;
    for (uint32_t each = 0; each < arpa->order; each++) {
        if (counts[each] > size / 4) return -1; /* A line has more bytes. */
        if (each) num_longer += counts[each];
    }
    arpa->words_size = table_size(counts[0] + 1);
    arpa->entries_size = num_longer ? table_size(num_longer) : 0;
    arpa->words = calloc(arpa->words_size, sizeof(*arpa->words));
    arpa->unigrams = calloc((size_t)counts[0] + 1, sizeof(*arpa->unigrams));
    arpa->entries = arpa->entries_size ? calloc(arpa->entries_size, sizeof(*arpa->entries)) : NULL;
    return arpa->words && arpa->unigrams && (arpa->entries || !arpa->entries_size) ? 0 : -1;
}

bigru_arpa *bigru_arpa_parse(const char *text, size_t size, char *error, size_t error_size) {
    reader from = {text, text + size, 0, NULL};
    uint64_t counts[BIGRU_ARPA_MAX_ORDER];
    bigru_arpa *arpa = calloc(1, sizeof(*arpa));
    const char *line;
    size_t length;
    if (!arpa || read_counts(&from, counts, &arpa->order) || reserve(arpa, counts, size)) goto failed;
    arpa->num_words = 1; /* The first one is the unknown word. */
    arpa->unigrams[0] = (bigru_arpa_entry){0, UNKNOWN_SCORE, 0.0f};
    for (uint32_t order = 1; order <= arpa->order; order++) {
        if (read_section(arpa, &from, order, counts[order - 1])) goto failed;
    }
    if (!next_line(&from, &line, &length) || length != 5 || memcmp(line, "\\end\\", 5)) goto failed;
    arpa->sentence_start = bigru_arpa_index(arpa, "<s>", 3);
    if (!arpa->sentence_start || !bigru_arpa_index(arpa, "</s>", 4)) goto failed;
    return arpa;
failed:
    snprintf(error, error_size,
             "Line %llu is not that of an ARPA file with <s>, </s> and the context of each n-gram, or "
             "memory is lacking.",
             (unsigned long long)from.line);
    bigru_arpa_free(arpa);
    return NULL;
}

void bigru_arpa_free(bigru_arpa *arpa) {
    if (!arpa) return;
    free(arpa->words);
    free(arpa->unigrams);
    free(arpa->entries);
    free(arpa);
}
