#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "beam.h"
#include "histories.h"

/* What of a hypothesis is kept until the end. */
typedef struct {
    uint32_t parent;
    int32_t word;
} trace;

/* A complete word that a hypothesis can get. */
typedef struct {
    double score;  /* Of the hypothesis with the frame. */
    double before; /* What it has of the words that were possible. */
    uint32_t parent;
    int32_t word;
    uint8_t class_id;
} ending;

struct bigru_search {
    bigru_search_settings settings;
    const bigru_lexicon *lexicon;
    bigru_histories histories;
    bigru_hypotheses beam, next;
    bigru_merger merger;
    ending *endings;
    size_t num_endings, endings_capacity;
    double best;
    float *top;        /* Scores of the best classes of a frame, of others minus infinity. */
    double top_score;  /* The highest of them. */
    trace *traces;
    uint8_t *traced_classes;
    size_t num_traces, traces_capacity;
    size_t *frame_ends; /* Where the hypotheses of a frame end in `traces`. */
    size_t num_frames, frames_capacity;
};

static int keep_traces(bigru_search *search) {
    const size_t count = search->beam.count, wanted = search->num_traces + count;
    if (wanted > search->traces_capacity) {
        size_t capacity = wanted + wanted / 2 + 4096;
        trace *traces = realloc(search->traces, capacity * sizeof(*traces));
        if (!traces) return -1;
        search->traces = traces;
        uint8_t *classes = realloc(search->traced_classes, capacity);
        if (!classes) return -1;
        search->traced_classes = classes;
        search->traces_capacity = capacity;
    }
    if (search->num_frames == search->frames_capacity) {
        size_t capacity = 2 * search->frames_capacity + 256;
        size_t *ends = realloc(search->frame_ends, capacity * sizeof(*ends));
        if (!ends) return -1;
        search->frame_ends = ends;
        search->frames_capacity = capacity;
    }
    for (size_t each = 0; each < count; each++) {
        const bigru_hypothesis *item = &search->beam.items[each];
        search->traces[search->num_traces + each] = (trace){item->parent, item->word};
        search->traced_classes[search->num_traces + each] = item->class_id;
    }
    search->num_traces = wanted;
    search->frame_ends[search->num_frames++] = wanted;
    return 0;
}

bigru_search *bigru_search_new(const bigru_ngram *ngram, const bigru_lexicon *lexicon, const bigru_phrases *phrases,
                               const bigru_search_settings *settings) {
    const int32_t num_classes = lexicon->num_classes;
    if (settings->beam_size < 1 || settings->beam_size_token < 1 || settings->blank < 0 || settings->delimiter < 0 ||
        settings->blank >= num_classes || settings->delimiter >= num_classes || !isfinite(settings->lm_weight) ||
        !isfinite(settings->word_score) || !isfinite(settings->beam_threshold)) {
        return NULL;
    }
    bigru_search *search = calloc(1, sizeof(*search));
    if (!search) return NULL;
    search->settings = *settings;
    search->lexicon = lexicon;
    search->top = malloc((size_t)num_classes * sizeof(*search->top));
    if (!search->top || bigru_histories_start(&search->histories, ngram, lexicon, phrases, settings->lm_weight) ||
        bigru_hypotheses_reserve(&search->beam, 1)) {
        bigru_search_free(search);
        return NULL;
    }
    search->beam.items[0] = (bigru_hypothesis){.history = BIGRU_EMPTY_HISTORY,
                                               .node = BIGRU_ROOT,
                                               .word = -1,
                                               .class_id = (uint8_t)settings->delimiter};
    search->beam.count = 1;
    if (keep_traces(search)) {
        bigru_search_free(search);
        return NULL;
    }
    return search;
}

void bigru_search_free(bigru_search *search) {
    if (!search) return;
    bigru_histories_end(&search->histories);
    free(search->beam.items);
    free(search->next.items);
    free(search->merger.places);
    free(search->endings);
    free(search->top);
    free(search->traces);
    free(search->traced_classes);
    free(search->frame_ends);
    free(search);
}

/* The best classes of a frame, of equal ones the first. */
static void choose_top(bigru_search *search, const float *row) {
    const int32_t num_classes = search->lexicon->num_classes;
    for (int32_t each = 0; each < num_classes; each++) search->top[each] = -INFINITY;
    search->top_score = -INFINITY;
    for (int32_t rank = 0; rank < search->settings.beam_size_token && rank < num_classes; rank++) {
        int32_t best = -1;
        for (int32_t each = 0; each < num_classes; each++) {
            if (search->top[each] == -INFINITY && (best < 0 || row[each] > row[best])) best = each;
        }
        search->top[best] = row[best];
        if (best != search->settings.blank && row[best] > search->top_score) search->top_score = row[best];
    }
}

static inline void offer(bigru_search *search, bigru_hypothesis item) {
    if (item.score > search->best) search->best = item.score;
    if (!(item.score >= search->best - search->settings.beam_threshold)) return; /* Nor is NaN a score. */
    item.own_score = item.score;
    search->next.items[search->next.count++] = item;
}

/* Note the words that end at a node. */
static int note_endings(bigru_search *search, const bigru_node *node, ending found) {
    const size_t wanted = search->num_endings + node->num_labels;
    if (wanted > search->endings_capacity) {
        size_t capacity = 2 * wanted + 256;
        ending *endings = realloc(search->endings, capacity * sizeof(*endings));
        if (!endings) return -1;
        search->endings = endings;
        search->endings_capacity = capacity;
    }
    for (uint32_t label = 0; label < node->num_labels; label++) {
        found.word = search->lexicon->labels[node->first_label + label];
        search->endings[search->num_endings++] = found;
    }
    return 0;
}

/* Score that a hypothesis can have with one more word: none has a probability above 1, but a hotword has a bonus. */
static double highest(const bigru_search *search, double score, double before, int can_gain) {
    const bigru_search_settings *settings = &search->settings;
    return can_gain ? INFINITY : score - settings->lm_weight * before + settings->word_score;
}

/* Let a hypothesis go on in the tree. */
static int extend(bigru_search *search, uint32_t parent) {
    const bigru_search_settings *settings = &search->settings;
    const bigru_hypothesis item = search->beam.items[parent];
    const bigru_node *nodes = search->lexicon->nodes, *node = &nodes[item.node];
    const int is_root = item.node == BIGRU_ROOT, has_phrases = search->histories.phrases != NULL;
    const double before = node->best;
    const double first_gain = is_root ? settings->lm_weight * search->lexicon->best_first : 0.0;
    const double word_gain = settings->word_score - settings->lm_weight * before;
    const double bound = has_phrases ? INFINITY : fmax(fmax(0.0, first_gain), word_gain);
    if (item.score + search->top_score + bound < search->best - settings->beam_threshold) return 0;
    if (bigru_hypotheses_reserve(&search->next, node->num_children)) return -1;
    for (uint32_t child = node->first_child; child < node->first_child + node->num_children; child++) {
        const bigru_node *to = &nodes[child];
        const double score = item.score + search->top[to->class_id];
        if (score + bound < search->best - settings->beam_threshold || score == -INFINITY) continue;
        const int is_other = item.class_id != to->class_id;
        if (is_other && to->num_children) {
            offer(search, (bigru_hypothesis){.score = score + settings->lm_weight * (double)(to->best - node->best),
                                             .history = item.history,
                                             .node = child,
                                             .parent = parent,
                                             .word = -1,
                                             .class_id = to->class_id});
        }
        /* A letter that is a word: on the next frame it is not the word again. */
        if (to->num_labels && (is_other || !is_root)) {
            if (note_endings(search, to, (ending){score, before, parent, -1, to->class_id})) return -1;
        }
    }
    return 0;
}

/* Let a hypothesis stay where it is. */
static void stay(bigru_search *search, uint32_t parent, const float *row) {
    const bigru_search_settings *settings = &search->settings;
    bigru_hypothesis item = search->beam.items[parent];
    const double score = item.score;
    const int is_root = item.node == BIGRU_ROOT, was_blank = item.class_id == settings->blank;
    const uint8_t same = is_root ? (uint8_t)settings->delimiter : item.class_id;
    item.parent = parent;
    item.word = -1;
    item.class_id = (uint8_t)settings->blank;
    item.score = score + row[settings->blank];
    offer(search, item);
    if (is_root || !was_blank) {
        item.class_id = same;
        item.score = score + row[same];
        offer(search, item);
    }
}

static int complete_words(bigru_search *search) {
    const bigru_search_settings *settings = &search->settings;
    const bigru_phrases *phrases = search->histories.phrases;
    if (bigru_hypotheses_reserve(&search->next, search->num_endings)) return -1;
    for (size_t each = 0; each < search->num_endings; each++) {
        const ending *word = &search->endings[each];
        const uint32_t history = search->beam.items[word->parent].history;
        const int can_gain = phrases && (phrases->is_of_phrase[word->word] ||
                                         search->histories.entries[history].phrase != BIGRU_PHRASE_START);
        if (highest(search, word->score, word->before, can_gain) < search->best - settings->beam_threshold) continue;
        const uint32_t after = bigru_histories_after(&search->histories, history, word->word);
        if (!after) return -1;
        const float gain = search->histories.entries[after].score - (float)word->before;
        offer(search, (bigru_hypothesis){.score = word->score + settings->lm_weight * (double)gain + settings->word_score,
                                         .history = after,
                                         .node = BIGRU_ROOT,
                                         .parent = word->parent,
                                         .word = word->word,
                                         .class_id = word->class_id});
    }
    return 0;
}

/* The candidates become the beam. */
static int prune(bigru_search *search) {
    const bigru_search_settings *settings = &search->settings;
    if (bigru_merge(&search->merger, &search->next, search->best - settings->beam_threshold, settings->log_add)) {
        return -1;
    }
    bigru_keep_best(&search->next, (size_t)settings->beam_size);
    bigru_hypotheses taken = search->beam;
    search->beam = search->next;
    search->next = taken;
    search->next.count = 0;
    return keep_traces(search);
}

static int advance(bigru_search *search, const float *row) {
    search->best = -INFINITY;
    search->num_endings = 0;
    if (bigru_hypotheses_reserve(&search->next, 2 * search->beam.count)) return -1;
    choose_top(search, row);
    for (uint32_t each = 0; each < search->beam.count; each++) {
        stay(search, each, row);
    }
    for (uint32_t each = 0; each < search->beam.count; each++) {
        if (extend(search, each)) return -1;
    }
    if (complete_words(search)) return -1;
    return prune(search);
}

int32_t bigru_search_step(bigru_search *search, const float *scores, int32_t num_frames) {
    for (int32_t frame = 0; frame < num_frames; frame++) {
        if (advance(search, scores + (size_t)frame * search->lexicon->num_classes)) return -1;
    }
    return 0;
}

static int is_worse(const void *first, const void *second) {
    const bigru_hypothesis *a = first, *b = second;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return (a->parent > b->parent) - (a->parent < b->parent);
}

int32_t bigru_search_finish(bigru_search *search) {
    const bigru_search_settings *settings = &search->settings;
    int has_complete = 0;
    for (size_t each = 0; each < search->beam.count; each++) {
        has_complete |= search->beam.items[each].node == BIGRU_ROOT;
    }
    search->best = -INFINITY;
    if (bigru_hypotheses_reserve(&search->next, search->beam.count)) return -1;
    for (uint32_t each = 0; each < search->beam.count; each++) {
        bigru_hypothesis item = search->beam.items[each];
        if (has_complete && item.node != BIGRU_ROOT) continue;
        const float end = bigru_histories_finish(&search->histories, item.history);
        if (isnan(end)) return -1;
        item.score += settings->lm_weight * (double)end;
        item.parent = each;
        item.word = -1;
        item.class_id = (uint8_t)settings->delimiter;
        offer(search, item);
    }
    if (bigru_merge(&search->merger, &search->next, search->best - settings->beam_threshold, settings->log_add)) {
        return -1;
    }
    bigru_keep_best(&search->next, (size_t)settings->beam_size);
    qsort(search->next.items, search->next.count, sizeof(*search->next.items), is_worse);
    bigru_hypotheses taken = search->beam;
    search->beam = search->next;
    search->next = taken;
    return keep_traces(search) ? -1 : (int32_t)search->beam.count;
}

void bigru_search_paths(const bigru_search *search, int32_t num_paths, double *scores, int16_t *classes,
                        int32_t *words) {
    for (int32_t path = 0; path < num_paths; path++) {
        uint32_t number = (uint32_t)path;
        scores[path] = search->beam.items[path].score;
        for (size_t frame = search->num_frames; frame-- > 0;) {
            const size_t place = (frame ? search->frame_ends[frame - 1] : 0) + number;
            classes[(size_t)path * search->num_frames + frame] = search->traced_classes[place];
            words[(size_t)path * search->num_frames + frame] = search->traces[place].word;
            number = search->traces[place].parent;
        }
    }
}

uint64_t bigru_search_memory(const bigru_search *search) {
    return search->traces_capacity * (sizeof(trace) + 1) + search->merger.size * sizeof(uint64_t) +
           (search->beam.capacity + search->next.capacity) * sizeof(bigru_hypothesis) +
           search->endings_capacity * sizeof(ending) + search->histories.capacity * sizeof(bigru_history) +
           (uint64_t)search->histories.table_size * sizeof(uint32_t) +
           (uint64_t)search->histories.state_capacity * sizeof(bigru_ngram_state);
}
