#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Processors without AVX-512 can have its products of bytes on registers of 256 bits, beside AVX2. */
#pragma clang attribute push(__attribute__((target("avxvnni"))), apply_to = function)

#define LANES 8
#define GROUP 4
#define OFFSET 128
#define TILE_ROWS 3
#define KERNEL bigru_kernel_avxvnni
#define KERNEL_NAME "avxvnni"

typedef uint8_t activation;
typedef __m256i weight_vector;
typedef __m256i group_vector;

static inline __m256i load_weights(const int8_t *weights) {
    return _mm256_loadu_si256((const __m256i *)weights);
}

static inline __m256i load_group(const uint8_t *activations) {
    int32_t group;
    memcpy(&group, activations, sizeof group);
    return _mm256_set1_epi32(group);
}

#define add_products(sums, group, weights) ((ints)_mm256_dpbusd_avx_epi32((__m256i)(sums), group, weights))

#include "network_template.h"

#pragma clang attribute pop
