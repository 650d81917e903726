#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Products of 16-bit integers: with bytes the instruction of this set would saturate its sums. */
#define LANES 8
#define GROUP 2
#define OFFSET 0
#define TILE_ROWS 3
#define KERNEL bigru_kernel_avx2
#define KERNEL_NAME "avx2"

typedef int16_t activation;
typedef __m256i weight_vector;
typedef __m256i group_vector;

static inline __m256i load_weights(const int8_t *weights) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)weights));
}

static inline __m256i load_group(const int16_t *activations) {
    int32_t group;
    memcpy(&group, activations, sizeof group);
    return _mm256_set1_epi32(group);
}

#define add_products(sums, group, weights) ((sums) + (ints)_mm256_madd_epi16(group, weights))

#include "network_template.h"
