#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* The instruction multiplies unsigned bytes by signed ones: the activations are the unsigned ones. */
#define LANES 16
#define GROUP 4
#define OFFSET 128
#define TILE_ROWS 8
#define KERNEL bigru_kernel_avx512vnni
#define KERNEL_NAME "avx512vnni"

typedef uint8_t activation;
typedef __m512i weight_vector;
typedef __m512i group_vector;

static inline __m512i load_weights(const int8_t *weights) {
    return _mm512_loadu_si512(weights);
}

static inline __m512i load_group(const uint8_t *activations) {
    int32_t group;
    memcpy(&group, activations, sizeof group);
    return _mm512_set1_epi32(group);
}

#define add_products(sums, group, weights) ((ints)_mm512_dpbusd_epi32((__m512i)(sums), group, weights))

#include "network_template.h"
