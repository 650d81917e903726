#include "lexicon.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = 0 }; /* No node has the root as a child or a sibling. */

/* Nodes while spellings come in. */
typedef struct {
    uint32_t child, sibling, spelling, class_id;
} growing_node;

typedef struct {
    growing_node *nodes;
    uint32_t num_nodes, capacity;
    uint32_t *next_spelling; /* The spelling before it that ends at the same node, and one more. */
} growing_tree;

static int is_valid(int32_t num_classes, int32_t num_spellings, const int32_t *classes, const int32_t *ends,
                    const int32_t *numbers, int32_t num_words) {
    if (num_classes < 1 || num_classes > BIGRU_MAX_CLASSES || num_spellings < 1 || num_words < 1) return 0;
    for (int32_t each = 0, start = 0; each < num_spellings; start = ends[each++]) {
        if (ends[each] <= start || numbers[each] < 0 || numbers[each] >= num_words) return 0;
        for (int32_t place = start; place < ends[each]; place++) {
            if (classes[place] < 0 || classes[place] >= num_classes) return 0;
        }
    }
    return 1;
}

/* The child of a node for a class, made if need be. The children of a node are in the order of their classes. */
static uint32_t child_of(growing_tree *tree, uint32_t parent, uint32_t class_id) {
    uint32_t *link = &tree->nodes[parent].child;
    while (*link != NONE && tree->nodes[*link].class_id < class_id) link = &tree->nodes[*link].sibling;
    if (*link != NONE && tree->nodes[*link].class_id == class_id) return *link;
    uint32_t made = tree->num_nodes++;
    tree->nodes[made] = (growing_node){NONE, *link, 0, class_id};
    *link = made;
    return made;
}

static int grow(growing_tree *tree, int32_t num_spellings, const int32_t *classes, const int32_t *ends) {
    tree->capacity = (uint32_t)ends[num_spellings - 1] + 1;
    tree->nodes = malloc(tree->capacity * sizeof(*tree->nodes));
    tree->next_spelling = malloc((size_t)num_spellings * sizeof(*tree->next_spelling));
    if (!tree->nodes || !tree->next_spelling) return -1;
    tree->nodes[0] = (growing_node){NONE, NONE, 0, 0};
    tree->num_nodes = 1;
    for (int32_t each = 0, place = 0; each < num_spellings; each++) {
        uint32_t node = BIGRU_ROOT;
        for (; place < ends[each]; place++) node = child_of(tree, node, (uint32_t)classes[place]);
        tree->next_spelling[each] = tree->nodes[node].spelling;
        tree->nodes[node].spelling = (uint32_t)each + 1;
    }
    return 0;
}

/* Copy the words of a node in the order of the lexicon, with the score of all of them together. */
static int copy_labels(bigru_lexicon *lexicon, bigru_node *node, const growing_tree *tree, uint32_t spelling,
                       uint32_t *num_labels, const int32_t *numbers, const float *scores) {
    uint32_t count = 0;
    for (uint32_t each = spelling; each; each = tree->next_spelling[each - 1]) count++;
    if (count > UINT16_MAX) return -1;
    node->first_label = *num_labels;
    node->num_labels = (uint16_t)count;
    node->best = -INFINITY;
    uint32_t place = *num_labels + count;
    for (uint32_t each = spelling; each; each = tree->next_spelling[each - 1]) {
        lexicon->labels[--place] = numbers[each - 1];
    }
    /* flashlight-text adds the scores of words with one spelling, as natural logarithms. */
    for (uint32_t label = 0; label < count; label++) {
        double first = node->best, second = scores[lexicon->labels[*num_labels + label]];
        double larger = first > second ? first : second, smaller = first > second ? second : first;
        node->best = (float)(smaller == -INFINITY ? larger : larger + log1p(exp(smaller - larger)));
    }
    *num_labels += count;
    return 0;
}

/* Lay the nodes out level by level, which puts the children of a node together, and hand scores up. */
static int lay_out(bigru_lexicon *lexicon, const growing_tree *tree, const int32_t *numbers, const float *scores) {
    uint32_t *order = malloc(tree->num_nodes * sizeof(*order));
    if (!order) return -1;
    uint32_t num_nodes = 1, num_labels = 0;
    order[0] = BIGRU_ROOT;
    for (uint32_t place = 0; place < num_nodes; place++) {
        const growing_node *from = &tree->nodes[order[place]];
        bigru_node *node = &lexicon->nodes[place];
        *node = (bigru_node){.first_child = num_nodes, .class_id = (uint8_t)from->class_id};
        for (uint32_t child = from->child; child != NONE; child = tree->nodes[child].sibling) {
            order[num_nodes++] = child;
            node->num_children++;
        }
        if (copy_labels(lexicon, node, tree, from->spelling, &num_labels, numbers, scores)) {
            free(order);
            return -1;
        }
    }
    free(order);
    for (uint32_t place = num_nodes; place-- > 0;) {
        bigru_node *node = &lexicon->nodes[place];
        for (uint32_t child = 0; child < node->num_children; child++) {
            float below = lexicon->nodes[node->first_child + child].best;
            if (below > node->best) node->best = below;
        }
    }
    lexicon->best_first = lexicon->nodes[BIGRU_ROOT].best;
    lexicon->nodes[BIGRU_ROOT].best = 0.0f;
    return 0;
}

bigru_lexicon *bigru_lexicon_new(int32_t num_classes, int32_t num_spellings, const int32_t *classes,
                                 const int32_t *ends, const int32_t *numbers, int32_t num_words, const float *scores,
                                 const uint32_t *vocabulary) {
    if (!is_valid(num_classes, num_spellings, classes, ends, numbers, num_words)) return NULL;
    bigru_lexicon *lexicon = calloc(1, sizeof(*lexicon));
    growing_tree tree = {0};
    if (!lexicon || grow(&tree, num_spellings, classes, ends)) goto failed;
    lexicon->num_nodes = tree.num_nodes;
    lexicon->num_words = num_words;
    lexicon->num_classes = num_classes;
    lexicon->nodes = malloc(tree.num_nodes * sizeof(*lexicon->nodes));
    lexicon->labels = malloc((size_t)num_spellings * sizeof(*lexicon->labels));
    lexicon->vocabulary = malloc((size_t)num_words * sizeof(*lexicon->vocabulary));
    if (!lexicon->nodes || !lexicon->labels || !lexicon->vocabulary) goto failed;
    memcpy(lexicon->vocabulary, vocabulary, (size_t)num_words * sizeof(*vocabulary));
    if (lay_out(lexicon, &tree, numbers, scores)) goto failed;
    free(tree.nodes);
    free(tree.next_spelling);
    return lexicon;
failed:
    free(tree.nodes);
    free(tree.next_spelling);
    bigru_lexicon_free(lexicon);
    return NULL;
}

void bigru_lexicon_free(bigru_lexicon *lexicon) {
    if (!lexicon) return;
    free(lexicon->nodes);
    free(lexicon->labels);
    free(lexicon->vocabulary);
    free(lexicon);
}
