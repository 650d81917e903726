#include "histories.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1 << 12, FIRST_TABLE = 1 << 13, FIRST_STATES = 1 << 10, MAX_CAPACITY = 1 << 30 };

static uint32_t place_of(uint32_t history, uint32_t word, uint32_t table_size) {
    uint64_t key = ((uint64_t)history << 32 | word) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(key >> 32) & (table_size - 1);
}

int bigru_histories_start(bigru_histories *histories, const bigru_ngram *ngram, const bigru_lexicon *lexicon,
                          const bigru_phrases *phrases, double lm_weight) {
    *histories = (bigru_histories){.ngram = ngram, .lexicon = lexicon, .phrases = phrases, .lm_weight = lm_weight};
    histories->capacity = FIRST_CAPACITY;
    histories->table_size = FIRST_TABLE;
    histories->state_capacity = FIRST_STATES;
    histories->entries = malloc(FIRST_CAPACITY * sizeof(*histories->entries));
    histories->table = calloc(FIRST_TABLE, sizeof(*histories->table));
    histories->states = malloc(FIRST_STATES * sizeof(*histories->states));
    if (!histories->entries || !histories->table || !histories->states) {
        bigru_histories_end(histories);
        return -1;
    }
    bigru_ngram_begin(ngram, &histories->states[0]);
    histories->entries[BIGRU_EMPTY_HISTORY] = (bigru_history){.word = -1, .state = 1};
    histories->num_entries = histories->num_states = 1;
    return 0;
}

void bigru_histories_end(bigru_histories *histories) {
    free(histories->entries);
    free(histories->table);
    free(histories->states);
    *histories = (bigru_histories){0};
}

static int grow_entries(bigru_histories *histories) {
    if (histories->capacity >= MAX_CAPACITY) return -1; /* The table is twice as large. */
    uint32_t capacity = 2 * histories->capacity;
    bigru_history *entries = realloc(histories->entries, (size_t)capacity * sizeof(*entries));
    if (!entries) return -1;
    histories->entries = entries;
    uint32_t table_size = 2 * capacity;
    uint32_t *table = calloc(table_size, sizeof(*table));
    if (!table) return -1;
    for (uint32_t each = 1; each < histories->num_entries; each++) {
        uint32_t place = place_of(entries[each].parent, (uint32_t)entries[each].word, table_size);
        while (table[place]) place = (place + 1) & (table_size - 1);
        table[place] = each;
    }
    free(histories->table);
    histories->table = table;
    histories->table_size = table_size;
    histories->capacity = capacity;
    return 0;
}

/* A place for one more state; NULL if memory is lacking. States move when there are more. */
static bigru_ngram_state *new_state(bigru_histories *histories) {
    if (histories->num_states == histories->state_capacity) {
        if (histories->state_capacity >= MAX_CAPACITY) return NULL;
        uint32_t capacity = 2 * histories->state_capacity;
        bigru_ngram_state *states = realloc(histories->states, (size_t)capacity * sizeof(*states));
        if (!states) return NULL;
        histories->states = states;
        histories->state_capacity = capacity;
    }
    return &histories->states[histories->num_states++];
}

/* State of a history, computed when it is first needed: most are never continued. */
static const bigru_ngram_state *state_of(bigru_histories *histories, uint32_t history) {
    bigru_history *entry = &histories->entries[history];
    if (!entry->state) {
        /* A hypothesis comes from another one, so the parent has a state. */
        uint32_t before = histories->entries[entry->parent].state - 1;
        bigru_ngram_state *state = new_state(histories);
        if (!state) return NULL;
        bigru_ngram_score(histories->ngram, &histories->states[before], histories->lexicon->vocabulary[entry->word],
                          state);
        entry->state = histories->num_states;
    }
    return &histories->states[entry->state - 1];
}

uint32_t bigru_histories_after(bigru_histories *histories, uint32_t history, int32_t word) {
    uint32_t place = place_of(history, (uint32_t)word, histories->table_size);
    for (; histories->table[place]; place = (place + 1) & (histories->table_size - 1)) {
        const bigru_history *known = &histories->entries[histories->table[place]];
        if (known->parent == history && known->word == word) return histories->table[place];
    }
    if (histories->num_entries == histories->capacity) {
        if (grow_entries(histories)) return 0;
        place = place_of(history, (uint32_t)word, histories->table_size);
        while (histories->table[place]) place = (place + 1) & (histories->table_size - 1);
    }
    const bigru_ngram_state *state = state_of(histories, history);
    if (!state) return 0;
    bigru_ngram_state after;
    bigru_history entry = {.parent = history, .word = word};
    entry.score = bigru_ngram_score(histories->ngram, state, histories->lexicon->vocabulary[word], &after);
    if (histories->phrases) {
        double gain;
        entry.phrase = bigru_phrases_advance(histories->phrases, histories->entries[history].phrase, word, &gain);
        entry.score = (float)(entry.score + gain / histories->lm_weight);
    }
    histories->table[place] = histories->num_entries;
    histories->entries[histories->num_entries] = entry;
    return histories->num_entries++;
}

float bigru_histories_finish(bigru_histories *histories, uint32_t history) {
    const bigru_ngram_state *state = state_of(histories, history);
    if (!state) return NAN;
    bigru_ngram_state after;
    float score = bigru_ngram_score(histories->ngram, state, bigru_ngram_index(histories->ngram, "</s>", 4), &after);
    if (histories->phrases) {
        uint32_t phrase = histories->entries[history].phrase;
        score = (float)(score + bigru_phrases_finish(histories->phrases, phrase) / histories->lm_weight);
    }
    return score;
}
