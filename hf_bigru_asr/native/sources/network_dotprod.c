#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define GROUP 4
#define OFFSET 0
#define TILE_ROWS 8
#define KERNEL bigru_kernel_dotprod
#define KERNEL_NAME "dotprod"

typedef int8_t activation;
typedef int8x16_t weight_vector;
typedef int8x16_t group_vector;

static inline int8x16_t load_weights(const int8_t *weights) {
    return vld1q_s8(weights);
}

static inline int8x16_t load_group(const int8_t *activations) {
    int32_t group;
    memcpy(&group, activations, sizeof group);
    return vreinterpretq_s8_s32(vdupq_n_s32(group));
}

#define add_products(sums, group, weights) ((ints)vdotq_s32((int32x4_t)(sums), weights, group))

#include "network_template.h"
