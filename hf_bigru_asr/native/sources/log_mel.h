/* Log-mel features. Every processor gives the same bits, and a frame the same ones wherever it lies. */
#ifndef BIGRU_LOG_MEL_H
#define BIGRU_LOG_MEL_H

#include <stdint.h>

#include "platform.h"

/*
 * What frames are computed with. A Fourier transform of `num_samples` real samples is one of half as many complex
 * points in place, which leaves the bins in the order of `places`.
 */
typedef struct {
    int32_t num_samples; /* Of the transform: a power of two, at least 4. */
    int32_t window_size; /* At most `num_samples`; zeros follow. */
    int32_t hop_size;
    int32_t num_mels;
    float floor; /* Powers in the filters are at least this; normal and positive. */
    const float *window; /* `(window_size,)` */
    /* For every pass of radix 4, of L = num_samples / 2, num_samples / 8, ... points: `(L / 4, 3, 2)`, the cosine and
       the sine of -2 pi j / L, and of two and of three times that angle. */
    const float *twiddles;
    const float *split_twiddles; /* `(num_samples / 4 + 1, 2)`: those of -2 pi k / num_samples. */
    const int32_t *places; /* `(num_samples / 2,)`: where each complex bin lies. */
    const int32_t *first_bins; /* `(num_mels,)` */
    const int32_t *num_bins; /* `(num_mels,)`: bins of each filter. */
    const float *weights; /* Weights of all filters, one filter behind the other. */
} bigru_log_mel_tables;

/*
 * Logarithms of the powers in the mel filters.
 *
 * samples: `((num_frames - 1) * hop_size + window_size,)`; features: `(num_frames, num_mels)`, where each frame begins
 * `stride` floats behind the one before; kernel: "avx2" or "generic", or NULL for the fastest.
 * Returns 0, -1 if memory is lacking, or -2 if the processor has not the instructions of `kernel`.
 */
BIGRU_API int32_t bigru_log_mel(const bigru_log_mel_tables *tables, int32_t num_frames, const float *samples,
                                float *features, int32_t stride, const char *kernel);

#endif
