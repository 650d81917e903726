/* The features, written once for all instructions: the file that includes this defines LOG_MEL, the function's name.
 *
 * A vector holds one value of each of some frames, so that no step moves values between lanes but the first and the
 * last one.
 */
#include "log_mel_kernel.h"
#include "polynomials.h"

#pragma STDC FP_CONTRACT OFF

typedef float floats __attribute__((vector_size(4 * BIGRU_FRAMES)));
typedef int32_t ints __attribute__((vector_size(4 * BIGRU_FRAMES)));

typedef struct {
    floats real, imaginary;
} complexes;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE complexes add(complexes one, complexes other) {
    return (complexes){one.real + other.real, one.imaginary + other.imaginary};
}

ALWAYS_INLINE complexes subtract(complexes one, complexes other) {
    return (complexes){one.real - other.real, one.imaginary - other.imaginary};
}

/* The product with a number of which cosine and sine are given. */
ALWAYS_INLINE complexes turn(complexes value, const float *twiddle) {
    return (complexes){
        value.real * twiddle[0] - value.imaginary * twiddle[1],
        value.real * twiddle[1] + value.imaginary * twiddle[0],
    };
}

/* Windowed samples of the frames; zeros behind the window, and in the lanes of frames that there are not. */
static void load_frames(const bigru_log_mel_tables *tables, int32_t num_frames, const float *samples, float *points) {
    if (num_frames < BIGRU_FRAMES) {
        memset(points, 0, (size_t)tables->window_size * BIGRU_FRAMES * sizeof(float));
    }
    for (int32_t frame = 0; frame < num_frames; frame++) {
        const float *source = samples + (int64_t)frame * tables->hop_size;
        for (int32_t number = 0; number < tables->window_size; number++) {
            points[number * BIGRU_FRAMES + frame] = source[number] * tables->window[number];
        }
    }
    const int32_t num_zeros = tables->num_samples - tables->window_size;
    memset(points + tables->window_size * BIGRU_FRAMES, 0, (size_t)num_zeros * BIGRU_FRAMES * sizeof(float));
}

/* Transform `num_points` in place, decimating the frequencies; see `places`. */
static void transform(int32_t num_points, const float *twiddles, complexes *points) {
    int32_t length = num_points;
    for (; length >= 4; length /= 4) {
        const int32_t quarter = length / 4;
        for (int32_t start = 0; start < num_points; start += length) {
            for (int32_t number = 0; number < quarter; number++) {
                complexes *point = points + start + number;
                const float *factors = twiddles + 6 * number;
                const complexes even = add(point[0], point[2 * quarter]);
                const complexes even_rest = subtract(point[0], point[2 * quarter]);
                const complexes odd = add(point[quarter], point[3 * quarter]);
                const complexes rest = subtract(point[quarter], point[3 * quarter]);
                const complexes odd_rest = {rest.imaginary, -rest.real}; /* times -i */
                point[0] = add(even, odd);
                point[quarter] = turn(add(even_rest, odd_rest), factors);
                point[2 * quarter] = turn(subtract(even, odd), factors + 2);
                point[3 * quarter] = turn(subtract(even_rest, odd_rest), factors + 4);
            }
        }
        twiddles += 6 * quarter;
    }
    for (int32_t start = 0; length == 2 && start < num_points; start += 2) {
        const complexes first = points[start], second = points[start + 1];
        points[start] = add(first, second);
        points[start + 1] = subtract(first, second);
    }
}

/* Powers of the real transform's bins: even and odd samples were the real and the imaginary parts of the points. */
static void split(const bigru_log_mel_tables *tables, const complexes *points, floats *powers) {
    const int32_t num_points = tables->num_samples / 2;
    const complexes first = points[0];
    powers[0] = (first.real + first.imaginary) * (first.real + first.imaginary);
    powers[num_points] = (first.real - first.imaginary) * (first.real - first.imaginary);
    for (int32_t bin = 1; bin <= num_points / 2; bin++) {
        const complexes one = points[tables->places[bin]], other = points[tables->places[num_points - bin]];
        /* Twice the transforms of the even and of the odd samples. */
        const complexes even = {one.real + other.real, one.imaginary - other.imaginary};
        const complexes odd = {one.imaginary + other.imaginary, other.real - one.real};
        const complexes turned = turn(odd, tables->split_twiddles + 2 * bin);
        const complexes low = add(even, turned), high = subtract(even, turned);
        powers[bin] = (low.real * low.real + low.imaginary * low.imaginary) * 0.25f;
        powers[num_points - bin] = (high.real * high.real + high.imaginary * high.imaginary) * 0.25f;
    }
}

/* Natural logarithms of normal positive numbers; the same as `bigru_log`. */
ALWAYS_INLINE floats logarithm(floats x) {
    const ints exponent = ((ints)x - BIGRU_SQRT_HALF_BITS) >> 23;
    const floats f = (floats)((ints)x - (exponent << 23)) - 1.0f;
    const floats quotient = BIGRU_LOG_OF(f);
    const floats power = __builtin_convertvector(exponent, floats);
    return power * BIGRU_LN_2_HIGH + (f * quotient + power * BIGRU_LN_2_LOW);
}

static void filter(const bigru_log_mel_tables *tables, int32_t num_frames, const floats *powers, float *features,
                   int32_t stride) {
    const float *weights = tables->weights;
    for (int32_t mel = 0; mel < tables->num_mels; mel++) {
        const floats *bins = powers + tables->first_bins[mel];
        floats sum = {0};
        for (int32_t number = 0; number < tables->num_bins[mel]; number++) {
            sum += bins[number] * *weights++;
        }
        const ints is_low = sum < tables->floor;
        const floats floor = (floats){0} + tables->floor;
        sum = logarithm((floats)((is_low & (ints)floor) | (~is_low & (ints)sum)));
        for (int32_t frame = 0; frame < num_frames; frame++) {
            features[(int64_t)frame * stride + mel] = sum[frame];
        }
    }
}

void LOG_MEL(const bigru_log_mel_tables *tables, int32_t num_frames, const float *samples, float *features,
             int32_t stride, float *points, float *powers) {
    load_frames(tables, num_frames, samples, points);
    transform(tables->num_samples / 2, tables->twiddles, (complexes *)points);
    split(tables, (const complexes *)points, (floats *)powers);
    filter(tables, num_frames, (const floats *)powers, features, stride);
}
