/* The most probable path of CTC that spells a text. */
#ifndef BIGRU_ALIGNMENT_H
#define BIGRU_ALIGNMENT_H

#include <stdint.h>

#include "platform.h"

/*
 * Class of every frame on the best path that collapses to `labels`.
 *
 * emissions: Log-probabilities `(frames, classes)`; labels: classes, none the blank, in number at least one; the frames
 * must be enough for them. path: `(frames,)`.
 * Returns 0, or -1 if memory is lacking or a class is out of range.
 */
BIGRU_API int32_t bigru_forced_path(const float *emissions, int32_t num_frames, int32_t num_classes,
                                    const int32_t *labels, int32_t num_labels, int32_t blank, int64_t *path);

#endif
