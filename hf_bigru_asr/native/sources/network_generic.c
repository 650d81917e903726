#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

/* What every processor has: pairs of 16-bit products, which SSE2 adds in one instruction. */
#define LANES 4
#define GROUP 2
#define OFFSET 0
#define TILE_ROWS 3
#define KERNEL bigru_kernel_generic
#define KERNEL_NAME "generic"

typedef int16_t activation;

#if defined(__x86_64__)

typedef __m128i weight_vector;
typedef __m128i group_vector;

static inline __m128i load_weights(const int8_t *weights) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)weights);
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}

static inline __m128i load_group(const int16_t *activations) {
    int32_t group;
    memcpy(&group, activations, sizeof group);
    return _mm_set1_epi32(group);
}

#define add_products(sums, group, weights) ((sums) + (ints)_mm_madd_epi16(group, weights))

#else

typedef int16_t short_ints __attribute__((vector_size(2 * LANES)));
typedef int32_t long_ints __attribute__((vector_size(4 * LANES)));

typedef struct {
    short_ints first, second;
} weight_vector;

typedef struct {
    int16_t first, second;
} group_vector;

static inline weight_vector load_weights(const int8_t *weights) {
    return (weight_vector){
        {weights[0], weights[2], weights[4], weights[6]},
        {weights[1], weights[3], weights[5], weights[7]},
    };
}

static inline group_vector load_group(const int16_t *activations) {
    return (group_vector){activations[0], activations[1]};
}

static inline long_ints add_products(long_ints sums, group_vector group, weight_vector weights) {
    const long_ints first = __builtin_convertvector(weights.first, long_ints);
    const long_ints second = __builtin_convertvector(weights.second, long_ints);
    return sums + first * (int32_t)group.first + second * (int32_t)group.second;
}

#endif

#include "network_template.h"
