/* Exponential and logarithm without the mathematical library, so that loops over them become vector instructions and
   every platform gets the same bits. Files that include this must not fuse products and sums: the pragma below. */
#ifndef BIGRU_POLYNOMIALS_H
#define BIGRU_POLYNOMIALS_H

#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

/* 1.5 * 2^23: a sum with it is rounded to an integer, which its lowest bits hold. */
#define BIGRU_ROUND 12582912.0f
#define BIGRU_LOG2_E 1.44269504f
/* log(2) in two parts, of which the first one has few bits. */
#define BIGRU_LN_2_HIGH 0.693359375f
#define BIGRU_LN_2_LOW -2.12194440e-4f

/* Coefficients of 2^x on [-0.5, 0.5], from the constant on; the relative error is below 1e-7. */
#define BIGRU_EXP2_0 1.0f
#define BIGRU_EXP2_1 0.693146978f
#define BIGRU_EXP2_2 0.240222421f
#define BIGRU_EXP2_3 0.0555073374f
#define BIGRU_EXP2_4 0.00967151265f
#define BIGRU_EXP2_5 0.00132647271f

/* Coefficients of log(1 + x) / x on [sqrt(0.5) - 1, sqrt(2) - 1], from the constant on; relative error 3e-8. */
#define BIGRU_LOG_0 0.999999974f
#define BIGRU_LOG_1 -0.49999988f
#define BIGRU_LOG_2 0.333341856f
#define BIGRU_LOG_3 -0.250020741f
#define BIGRU_LOG_4 0.199568335f
#define BIGRU_LOG_5 -0.165623931f
#define BIGRU_LOG_6 0.149522668f
#define BIGRU_LOG_7 -0.143668428f
#define BIGRU_LOG_8 0.0872235502f
/* The bits of sqrt(0.5). */
#define BIGRU_SQRT_HALF_BITS 0x3f3504f3

/* The two polynomials, of a variable that is a number or a vector; both are made of the same products and sums. */
#define BIGRU_EXP2_OF(f) \
    (((((BIGRU_EXP2_5 * (f) + BIGRU_EXP2_4) * (f) + BIGRU_EXP2_3) * (f) + BIGRU_EXP2_2) * (f) + BIGRU_EXP2_1) * (f) + \
     BIGRU_EXP2_0)
#define BIGRU_LOG_UPPER_OF(f) \
    ((((BIGRU_LOG_8 * (f) + BIGRU_LOG_7) * (f) + BIGRU_LOG_6) * (f) + BIGRU_LOG_5) * (f) + BIGRU_LOG_4)
#define BIGRU_LOG_OF(f) \
    ((((BIGRU_LOG_UPPER_OF(f) * (f) + BIGRU_LOG_3) * (f) + BIGRU_LOG_2) * (f) + BIGRU_LOG_1) * (f) + BIGRU_LOG_0)

static inline int32_t bigru_bits_of(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bigru_float_of(int32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* 2^x for x in [-126, 127]. */
static inline float bigru_exp2(float x) {
    const float rounded = x + BIGRU_ROUND;
    const float f = x - (rounded - BIGRU_ROUND);
    const float power = BIGRU_EXP2_OF(f);
    return bigru_float_of((int32_t)((uint32_t)bigru_bits_of(power) + ((uint32_t)bigru_bits_of(rounded) << 23)));
}

/* Natural logarithm of a normal positive number; error of some 1e-7 of the result, or of 1. */
static inline float bigru_log(float x) {
    /* x = 2^exponent * (1 + f), f from sqrt(0.5) - 1 to sqrt(2) - 1. */
    const int32_t bits = bigru_bits_of(x);
    const int32_t exponent = (bits - BIGRU_SQRT_HALF_BITS) >> 23;
    const float f = bigru_float_of((int32_t)((uint32_t)bits - ((uint32_t)exponent << 23))) - 1.0f;
    const float quotient = BIGRU_LOG_OF(f);
    return (float)exponent * BIGRU_LN_2_HIGH + (f * quotient + (float)exponent * BIGRU_LN_2_LOW);
}

#endif
