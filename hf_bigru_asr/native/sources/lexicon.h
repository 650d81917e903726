/* The spellings of the words of a lexicon as a prefix tree. */
#ifndef BIGRU_LEXICON_H
#define BIGRU_LEXICON_H

#include <stdint.h>

#include "platform.h"

/* A place in the tree. The children of a node lie one behind the other. */
typedef struct {
    float best; /* Best score of the words that end here or below, a base-10 logarithm; 0 at the root. */
    uint32_t first_child;
    uint32_t first_label;
    uint16_t num_labels; /* Words that end here. */
    uint8_t num_children;
    uint8_t class_id; /* Class on the way to this node. */
} bigru_node;

typedef struct {
    bigru_node *nodes; /* The root is the first one. */
    uint32_t num_nodes;
    float best_first; /* Best score of the children of the root, above 0 if many words have one spelling. */
    int32_t *labels;      /* Numbers of the words, node by node. */
    uint32_t *vocabulary; /* Number of every word in the n-gram. */
    int32_t num_words;
    int32_t num_classes;
} bigru_lexicon;

enum { BIGRU_ROOT = 0, BIGRU_MAX_CLASSES = 255 };

/*
 * Build the tree.
 *
 * classes: Classes of all spellings, one behind the other; ends: where each spelling ends; numbers: its word.
 * scores: Score of every word at the beginning of a sentence, a base-10 logarithm.
 * vocabulary: Number of every word in the n-gram.
 * Returns NULL if memory is lacking, or a class, word or end is out of range.
 */
BIGRU_API bigru_lexicon *bigru_lexicon_new(int32_t num_classes, int32_t num_spellings, const int32_t *classes,
                                           const int32_t *ends, const int32_t *numbers, int32_t num_words,
                                           const float *scores, const uint32_t *vocabulary);
BIGRU_API void bigru_lexicon_free(bigru_lexicon *lexicon);

#endif
