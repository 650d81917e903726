/* Functions of the features that a set of instructions offers. */
#ifndef BIGRU_LOG_MEL_KERNEL_H
#define BIGRU_LOG_MEL_KERNEL_H

#include "log_mel.h"

/* Frames that are computed side by side. */
enum { BIGRU_FRAMES = 8 };

/*
 * Up to `BIGRU_FRAMES` frames, see `bigru_log_mel`.
 *
 * points: Room for `(num_samples, BIGRU_FRAMES)` floats; powers: for `(num_samples / 2 + 1, BIGRU_FRAMES)`.
 */
typedef void bigru_log_mel_function(const bigru_log_mel_tables *tables, int32_t num_frames, const float *samples,
                                    float *features, int32_t stride, float *points, float *powers);

bigru_log_mel_function bigru_log_mel_generic;
#if defined(__x86_64__)
bigru_log_mel_function bigru_log_mel_avx2;
#endif

#endif
