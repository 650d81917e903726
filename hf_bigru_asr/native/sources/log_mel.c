#include "log_mel.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "log_mel_kernel.h"
#include "processor.h"

static bigru_log_mel_function *find_function(const char *kernel) {
#if defined(__x86_64__)
    if (bigru_has_avx2() && (!kernel || strcmp(kernel, "avx2") == 0)) {
        return bigru_log_mel_avx2;
    }
#endif
    return !kernel || strcmp(kernel, "generic") == 0 ? bigru_log_mel_generic : NULL;
}

int32_t bigru_log_mel(const bigru_log_mel_tables *tables, int32_t num_frames, const float *samples, float *features,
                      int32_t stride, const char *kernel) {
    bigru_log_mel_function *function = find_function(kernel);
    if (!function) {
        return -2;
    }
    const size_t num_points = (size_t)tables->num_samples * BIGRU_FRAMES;
    const size_t num_powers = ((size_t)tables->num_samples / 2 + 1) * BIGRU_FRAMES;
    void *memory;
    float *points = bigru_allocate_lines((num_points + num_powers) * sizeof(float), &memory);
    if (!points) {
        return -1;
    }
    for (int32_t first = 0; first < num_frames; first += BIGRU_FRAMES) {
        const int32_t rest = num_frames - first;
        function(tables, rest < BIGRU_FRAMES ? rest : BIGRU_FRAMES, samples + (int64_t)first * tables->hop_size,
                 features + (int64_t)first * stride, stride, points, points + num_points);
    }
    free(memory);
    return 0;
}
