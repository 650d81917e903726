#include "ngram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arpa.h"
#include "trie.h"

struct bigru_ngram {
    bigru_arpa *arpa; /* NULL if the model is a trie. */
    bigru_trie trie;
};

bigru_ngram *bigru_ngram_open(const void *data, size_t size, char *error, size_t error_size) {
    bigru_ngram *ngram = calloc(1, sizeof(*ngram));
    if (!ngram) {
        snprintf(error, error_size, "Memory is lacking.");
        return NULL;
    }
    if (bigru_trie_is_binary(data, size)) {
        const char *fault = bigru_trie_open(&ngram->trie, data, size);
        if (!fault) return ngram;
        snprintf(error, error_size, "%s", fault);
    } else {
        ngram->arpa = bigru_arpa_parse(data, size, error, error_size);
        if (ngram->arpa) return ngram;
    }
    free(ngram);
    return NULL;
}

void bigru_ngram_close(bigru_ngram *ngram) {
    if (!ngram) return;
    bigru_arpa_free(ngram->arpa);
    free(ngram);
}

uint32_t bigru_ngram_index(const bigru_ngram *ngram, const char *word, size_t length) {
    return ngram->arpa ? bigru_arpa_index(ngram->arpa, word, length) : bigru_trie_index(&ngram->trie, word, length);
}

/* Whether longer n-grams may begin with this one: its weight is not the zero with a sign that says they do not. */
static int has_longer(float backoff) {
    uint32_t bits;
    memcpy(&bits, &backoff, sizeof(bits));
    return bits != UINT32_C(0x80000000);
}

static float score_in_trie(const bigru_trie *trie, const bigru_ngram_state *before, uint32_t word,
                           bigru_ngram_state *after) {
    bigru_trie_range range;
    bigru_trie_weights found = bigru_trie_unigram(trie, word, &range);
    float score = found.score;
    uint32_t matched = 0;
    after->words[0] = word;
    after->backoff[0] = found.backoff;
    after->length = has_longer(found.backoff) ? 1 : 0;
    for (; matched < before->length && matched + 1 < trie->order && range.begin < range.end; matched++) {
        if (!bigru_trie_longer(trie, matched, before->words[matched], &range, &found)) break;
        score = found.score;
        if (matched + 2 == trie->order) {
            matched++;
            break;
        }
        after->words[matched + 1] = before->words[matched];
        after->backoff[matched + 1] = found.backoff;
        if (has_longer(found.backoff)) after->length = matched + 2;
    }
    for (uint32_t each = matched; each < before->length; each++) score += before->backoff[each];
    return score;
}

static float score_in_arpa(const bigru_arpa *arpa, const bigru_ngram_state *before, uint32_t word,
                           bigru_ngram_state *after) {
    const bigru_arpa_entry *unigram = &arpa->unigrams[word < arpa->num_words ? word : 0];
    const uint32_t most = arpa->order - 1;
    uint64_t key = bigru_arpa_first_key(word);
    float score = unigram->score;
    uint32_t matched = 0;
    after->words[0] = word;
    after->backoff[0] = unigram->backoff;
    after->length = has_longer(unigram->backoff) ? 1 : 0;
    for (uint32_t each = 0; each < before->length && each < most; each++) {
        key = bigru_arpa_longer_key(key, before->words[each]);
        const bigru_arpa_entry *entry = bigru_arpa_find(arpa, key);
        if (entry) {
            score = entry->score;
            matched = each + 1;
        }
        if (each + 1 < most) {
            after->words[each + 1] = before->words[each];
            after->backoff[each + 1] = entry ? entry->backoff : 0.0f;
            if (entry && has_longer(entry->backoff)) after->length = each + 2;
        }
    }
    for (uint32_t each = matched; each < before->length; each++) score += before->backoff[each];
    return score;
}

float bigru_ngram_score(const bigru_ngram *ngram, const bigru_ngram_state *before, uint32_t word,
                        bigru_ngram_state *after) {
    return ngram->arpa ? score_in_arpa(ngram->arpa, before, word, after)
                       : score_in_trie(&ngram->trie, before, word, after);
}

void bigru_ngram_begin(const bigru_ngram *ngram, bigru_ngram_state *state) {
    memset(state, 0, sizeof(*state));
    state->length = 1;
    if (ngram->arpa) {
        state->words[0] = ngram->arpa->sentence_start;
        state->backoff[0] = ngram->arpa->unigrams[state->words[0]].backoff;
    } else {
        bigru_trie_range range;
        state->words[0] = ngram->trie.sentence_start;
        state->backoff[0] = bigru_trie_unigram(&ngram->trie, state->words[0], &range).backoff;
    }
}
