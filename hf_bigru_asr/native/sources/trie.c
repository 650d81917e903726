/*
 * Source of the format: `binary_format.cc`, `vocab.cc`, `trie.cc`, `bhiksha.cc` and `quantize.hh` of KenLM, version 5
 * of the format; K. Heafield, "KenLM: faster and smaller language model queries", WMT 2011.
 */
#include "trie.h"

#include <string.h>

static const char MAGIC[] = "mmap lm http://kheafield.com/code format version 5\n";
static const uint64_t HASH_FACTOR = UINT64_C(0xC6A4A7935BD1E995);

enum {
    SANITY_SIZE = 88, /* The text above and some numbers that tell byte orders apart. */
    FIXED_SIZE = 20,
    MAX_HEADER_SIZE = (SANITY_SIZE + FIXED_SIZE + 8 * BIGRU_MAX_ORDER + 7) / 8 * 8,
    TRIE = 2, /* Kinds of models; one more for quantisation, and two more for compressed pointers. */
    QUANTIZATION_VERSION = 2,
    COMPRESSION_VERSION = 0,
    UNIGRAM_SIZE = 16,
    FEW = 8,       /* N-grams that are looked through one by one. */
    MOST_STEPS = 8 /* Until a range is halved instead. */
};

static uint64_t read_64(const uint8_t *data) {
    uint64_t value;
    memcpy(&value, data, sizeof(value));
    return value;
}

static uint32_t read_32(const uint8_t *data) {
    uint32_t value;
    memcpy(&value, data, sizeof(value));
    return value;
}

static float read_float(const uint8_t *data) {
    float value;
    memcpy(&value, data, sizeof(value));
    return value;
}

/* Up to 57 bits; there are 8 more bytes behind every level. */
static inline uint64_t read_bits(const uint8_t *base, uint64_t place, uint32_t count) {
    return (read_64(base + (place >> 3)) >> (place & 7)) & ((UINT64_C(1) << count) - 1);
}

static uint32_t required_bits(uint64_t value) {
    uint32_t count = 0;
    for (; value; value >>= 1) count++;
    return count;
}

int bigru_trie_is_binary(const uint8_t *data, size_t size) {
    return size >= sizeof(MAGIC) && !memcmp(data, MAGIC, sizeof(MAGIC) - 1);
}

/* How many bits of the pointers are moved into a table, which saves most memory. */
static uint32_t moved_bits(uint64_t count, uint64_t num_below, uint32_t most) {
    const uint32_t required = required_bits(num_below);
    uint32_t best = 0;
    int64_t least = INT64_MAX;
    for (uint32_t moved = 0; moved <= (required < most ? required : most); moved++) {
        int64_t change = (int64_t)((num_below >> (required - moved)) * 64) - (int64_t)count * (int64_t)moved;
        if (change < least) {
            least = change;
            best = moved;
        }
    }
    return best;
}

/* Lay out one level from an offset on, and return the offset behind it. */
static uint64_t lay_out(bigru_trie *trie, uint32_t level, uint64_t offset, const uint64_t *counts, int has_tables,
                        uint32_t most) {
    bigru_trie_level *made = &trie->levels[level];
    const int is_longest = level + 2 == trie->order;
    made->count = counts[level + 1];
    made->word_bits = required_bits(counts[0]);
    made->weight_bits = is_longest ? 31 : 63;
    if (trie->is_quantized) made->weight_bits = trie->score_bits + (is_longest ? 0 : trie->backoff_bits);
    if (!is_longest) {
        made->num_below = counts[level + 2];
        made->next_bits = required_bits(made->num_below);
        if (has_tables) {
            const uint32_t moved = moved_bits(made->count + 1, made->num_below, most);
            made->next_bits -= moved;
            made->num_offsets = (made->num_below >> made->next_bits) + 1;
            made->offset = ((offset + 7) & ~UINT64_C(7)) + 8;
            offset += 8 * (1 + made->num_offsets) + 7;
        }
    }
    made->total_bits = made->word_bits + made->weight_bits + made->next_bits;
    made->base = trie->data + offset;
    return offset + ((1 + made->count) * made->total_bits + 7) / 8 + 8;
}

/* Read the bits of quantised weights, place their tables, and return the offset behind them; 0 if they are wrong. */
static uint64_t place_tables(bigru_trie *trie, uint64_t offset) {
    const uint8_t *header = trie->data + offset;
    trie->score_bits = header[1];
    trie->backoff_bits = header[2];
    if (header[0] != QUANTIZATION_VERSION || trie->score_bits < 1 || trie->score_bits > 25 || trie->backoff_bits < 1 ||
        trie->backoff_bits > 25) {
        return 0;
    }
    offset += 8;
    for (uint32_t level = 0; level + 2 <= trie->order; level++) {
        trie->levels[level].score_table = offset;
        offset += UINT64_C(4) << trie->score_bits;
        if (level + 2 == trie->order) break;
        trie->levels[level].backoff_table = offset;
        offset += UINT64_C(4) << trie->backoff_bits;
    }
    return offset;
}

static const char *read_counts(bigru_trie *trie, size_t size, uint64_t *counts, uint64_t *offset) {
    const uint8_t *fixed = trie->data + SANITY_SIZE;
    if (size < MAX_HEADER_SIZE) return "The file is too short.";
    if (read_float(trie->data + 60) != 1.0f || read_64(trie->data + 80) != 1) return "The byte order is another one.";
    trie->order = fixed[0];
    if (trie->order < 2 || trie->order > BIGRU_MAX_ORDER) return "The order is not 2 to 6.";
    if (read_32(fixed + 16) != 1) return "The version of the trie is not 1.";
    for (uint32_t each = 0; each < trie->order; each++) {
        counts[each] = read_64(fixed + FIXED_SIZE + 8 * each);
        if (counts[each] > (uint64_t)size * 8) return "There are more n-grams than bits.";
    }
    if (!counts[0]) return "There are no words.";
    if (counts[0] >= UINT32_MAX - 2) return "There are too many words.";
    *offset = (SANITY_SIZE + FIXED_SIZE + 8 * trie->order + 7) & ~UINT64_C(7);
    return NULL;
}

const char *bigru_trie_open(bigru_trie *trie, const uint8_t *data, size_t size) {
    uint64_t counts[BIGRU_MAX_ORDER], offset;
    *trie = (bigru_trie){.data = data};
    const char *fault = read_counts(trie, size, counts, &offset);
    if (fault) return fault;
    const uint32_t kind = read_32(data + SANITY_SIZE + 8);
    if (kind < TRIE || kind > TRIE + 3) return "The model is no trie.";
    const int has_tables = kind >= TRIE + 2;
    trie->is_quantized = (kind - TRIE) % 2;
    trie->vocabulary = offset + 8;
    if (size - offset < 8 * (1 + counts[0])) return "The file ends within the words.";
    trie->num_words = read_64(data + offset);
    if (trie->num_words > counts[0]) return "There are more words than n-grams of one.";
    offset += 8 * (1 + counts[0]);
    if (trie->is_quantized) {
        if (size - offset < 8) return "The file ends within the tables.";
        offset = place_tables(trie, offset);
        if (!offset || offset > size) return "The tables of the weights are broken.";
    }
    trie->unigrams = offset;
    trie->num_unigrams = counts[0];
    offset += (counts[0] + 2) * UNIGRAM_SIZE;
    if (offset + 2 > size) return "The file ends within the n-grams.";
    /* The first level says for all how many bits may be moved. */
    if (has_tables && trie->order > 2 && data[offset] != COMPRESSION_VERSION) {
        return "The version of the compressed pointers is not 0.";
    }
    const uint32_t most = data[offset + 1];
    for (uint32_t level = 0; level + 2 <= trie->order; level++) {
        offset = lay_out(trie, level, offset, counts, has_tables, most);
        if (trie->levels[level].next_bits > 57 || offset > size) return "The file ends within the n-grams.";
    }
    trie->sentence_start = bigru_trie_index(trie, "<s>", 3);
    return trie->sentence_start ? NULL : "There is no word <s>.";
}

static uint64_t hash_of(const char *text, size_t length) {
    uint64_t hash = length * HASH_FACTOR;
    for (; length >= 8; text += 8, length -= 8) {
        uint64_t part = read_64((const uint8_t *)text) * HASH_FACTOR;
        part ^= part >> 47;
        hash = (hash ^ part * HASH_FACTOR) * HASH_FACTOR;
    }
    if (length) {
        uint64_t rest = 0;
        for (size_t each = 0; each < length; each++) rest |= (uint64_t)(uint8_t)text[each] << 8 * each;
        hash = (hash ^ rest) * HASH_FACTOR;
    }
    hash = (hash ^ hash >> 47) * HASH_FACTOR;
    return hash ^ hash >> 47;
}

uint32_t bigru_trie_index(const bigru_trie *trie, const char *word, size_t length) {
    const uint64_t wanted = hash_of(word, length);
    uint64_t low = 0, high = trie->num_words;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const uint64_t found = read_64(trie->data + trie->vocabulary + 8 * middle);
        if (found == wanted) return (uint32_t)middle + 1;
        if (found < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

/* A range that lies within a level, whatever the file says. */
static bigru_trie_range within(uint64_t begin, uint64_t end, uint64_t count) {
    if (end > count) end = count;
    return (bigru_trie_range){begin < end ? begin : end, end};
}

bigru_trie_weights bigru_trie_unigram(const bigru_trie *trie, uint32_t word, bigru_trie_range *range) {
    const uint64_t place = (uint64_t)UNIGRAM_SIZE * (word <= trie->num_unigrams ? word : 0);
    const uint8_t *record = trie->data + trie->unigrams + place;
    *range = within(read_64(record + 8), read_64(record + UNIGRAM_SIZE + 8), trie->levels[0].count);
    return (bigru_trie_weights){read_float(record), read_float(record + 4)};
}

/*
 * Place of a word in a range; the end of the range if it is not there. Numbers of words come from hashes, so those of
 * a range lie evenly, and a word is found near the place that its number gives. A few steps do not suffice in broken
 * files alone.
 */
static uint64_t find(const bigru_trie_level *level, bigru_trie_range range, uint64_t word, uint64_t max_word) {
    const uint64_t total = level->total_bits;
    const uint32_t bits = level->word_bits;
    uint64_t low = range.begin, high = range.end;
    double least = 0.0, most = (double)max_word + 1.0; /* Of the numbers between; the last one is excluded. */
    if (word > max_word) return range.end;
    for (uint32_t step = 0; high - low > FEW; step++) {
        uint64_t place = low + (high - low) / 2;
        if (step < MOST_STEPS) {
            place = low + (uint64_t)(((double)word - least) / (most - least) * (double)(high - low));
            if (place >= high) place = high - 1; /* by rounding */
        }
        const uint64_t found = read_bits(level->base, place * total, bits);
        if (found == word) return place;
        if (found < word) {
            low = place + 1;
            least = (double)(found + 1);
        } else {
            high = place;
            most = (double)found;
        }
    }
    for (; low < high; low++) {
        if (read_bits(level->base, low * total, bits) == word) return low;
    }
    return range.end;
}

/* How many entries of the table of pointers are at most a number, less one: their upper bits. */
static uint64_t upper_bits(const bigru_trie *trie, const bigru_trie_level *level, uint64_t number) {
    const uint8_t *table = trie->data + level->offset;
    uint64_t low = 0;
    for (uint64_t count = level->num_offsets; count > 1;) {
        const uint64_t half = count / 2;
        low = read_64(table + 8 * (low + half)) <= number ? low + half : low;
        count -= half;
    }
    return low;
}

static bigru_trie_range range_below(const bigru_trie *trie, const bigru_trie_level *level, uint64_t number) {
    const uint64_t place = number * level->total_bits + level->word_bits + level->weight_bits;
    uint64_t begin = read_bits(level->base, place, level->next_bits);
    uint64_t end = read_bits(level->base, place + level->total_bits, level->next_bits);
    if (level->num_offsets) {
        const uint8_t *table = trie->data + level->offset;
        uint64_t upper = upper_bits(trie, level, number);
        begin |= upper << level->next_bits;
        while (upper + 1 < level->num_offsets && read_64(table + 8 * (upper + 1)) <= number + 1) upper++;
        end |= upper << level->next_bits;
    }
    return within(begin, end, level->num_below);
}

static bigru_trie_weights weights_at(const bigru_trie *trie, const bigru_trie_level *level, uint64_t place,
                                     int is_longest) {
    bigru_trie_weights found = {0.0f, 0.0f};
    if (trie->is_quantized) {
        const uint32_t backoff_bits = is_longest ? 0 : trie->backoff_bits;
        const uint64_t both = read_bits(level->base, place, level->weight_bits);
        found.score = read_float(trie->data + level->score_table + 4 * (both >> backoff_bits));
        if (!is_longest) {
            const uint64_t backoff = both & ((UINT64_C(1) << backoff_bits) - 1);
            found.backoff = read_float(trie->data + level->backoff_table + 4 * backoff);
        }
        return found;
    }
    /* Without their signs: all are negative. */
    const uint32_t score = (uint32_t)read_bits(level->base, place, 31) | UINT32_C(0x80000000);
    memcpy(&found.score, &score, sizeof(score));
    if (!is_longest) {
        const uint32_t backoff = (uint32_t)read_bits(level->base, place + 31, 32);
        memcpy(&found.backoff, &backoff, sizeof(backoff));
    }
    return found;
}

int bigru_trie_longer(const bigru_trie *trie, uint32_t level, uint32_t word_before, bigru_trie_range *range,
                      bigru_trie_weights *weights) {
    const bigru_trie_level *from = &trie->levels[level];
    const int is_longest = level + 2 == trie->order;
    const uint64_t number = find(from, *range, word_before, trie->num_unigrams);
    if (number == range->end) return 0;
    *weights = weights_at(trie, from, number * from->total_bits + from->word_bits, is_longest);
    *range = is_longest ? (bigru_trie_range){0, 0} : range_below(trie, from, number);
    return 1;
}
