/* Beam search over the words of a lexicon with an n-gram and hotwords, frame by frame. */
#ifndef BIGRU_SEARCH_H
#define BIGRU_SEARCH_H

#include <stdint.h>

#include "lexicon.h"
#include "ngram.h"
#include "phrases.h"
#include "platform.h"

typedef struct {
    double lm_weight;
    double word_score;
    double beam_threshold;
    int32_t beam_size;
    int32_t beam_size_token; /* Best classes of a frame that extend a hypothesis. */
    int32_t log_add;
    int32_t blank;
    int32_t delimiter;
} bigru_search_settings;

typedef struct bigru_search bigru_search;

/* What it is given must outlive it. Returns NULL if memory is lacking or a setting is out of range. */
BIGRU_API bigru_search *bigru_search_new(const bigru_ngram *ngram, const bigru_lexicon *lexicon,
                                         const bigru_phrases *phrases, const bigru_search_settings *settings);
BIGRU_API void bigru_search_free(bigru_search *search);

/* Take some more frames `(frames, classes)`. Returns 0, or -1 if memory is lacking. */
BIGRU_API int32_t bigru_search_step(bigru_search *search, const float *scores, int32_t num_frames);

/* End the search. Returns the number of hypotheses, which are in order, or -1 if memory is lacking. */
BIGRU_API int32_t bigru_search_finish(bigru_search *search);

/*
 * Copy the first hypotheses after the end.
 *
 * scores: `(paths,)`; classes, words: `(paths, frames + 2)`, where a word is -1 in frames that end none.
 */
BIGRU_API void bigru_search_paths(const bigru_search *search, int32_t num_paths, double *scores, int16_t *classes,
                                  int32_t *words);

/* Bytes that the hypotheses and histories of a search take. */
BIGRU_API uint64_t bigru_search_memory(const bigru_search *search);

#endif
