#include "processor.h"

#include <stdint.h>

#if defined(__x86_64__)

#include <cpuid.h>

typedef struct {
    uint32_t a, b, c, d;
} registers;

static registers identify(uint32_t leaf, uint32_t part) {
    registers found = {0, 0, 0, 0};
    if (!__get_cpuid_count(leaf, part, &found.a, &found.b, &found.c, &found.d)) {
        found = (registers){0, 0, 0, 0};
    }
    return found;
}

/* The registers that the operating system saves, one bit for each kind: XCR0. */
static uint64_t saved_registers(void) {
    const uint32_t has_xgetbv = UINT32_C(1) << 27;
    if (!(identify(1, 0).c & has_xgetbv)) {
        return 0;
    }
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_all(uint64_t found, uint64_t needed) {
    return (found & needed) == needed;
}

bool bigru_has_avx2(void) {
    const uint32_t fma = UINT32_C(1) << 12, movbe = UINT32_C(1) << 22, f16c = UINT32_C(1) << 29;
    const uint32_t bmi1 = UINT32_C(1) << 3, avx2 = UINT32_C(1) << 5, bmi2 = UINT32_C(1) << 8;
    const uint32_t lzcnt = UINT32_C(1) << 5;
    return has_all(saved_registers(), 0x6) && has_all(identify(1, 0).c, fma | movbe | f16c) &&
           has_all(identify(7, 0).b, bmi1 | avx2 | bmi2) && has_all(identify(0x80000001, 0).c, lzcnt);
}

bool bigru_has_avx512vnni(void) {
    const uint32_t f = UINT32_C(1) << 16, dq = UINT32_C(1) << 17, cd = UINT32_C(1) << 28;
    const uint32_t bw = UINT32_C(1) << 30, vl = UINT32_C(1) << 31, vnni = UINT32_C(1) << 11;
    const registers found = identify(7, 0);
    return bigru_has_avx2() && has_all(saved_registers(), 0xe6) && has_all(found.b, f | dq | cd | bw | vl) &&
           has_all(found.c, vnni);
}

bool bigru_has_avxvnni(void) {
    const uint32_t avxvnni = UINT32_C(1) << 4;
    return bigru_has_avx2() && has_all(identify(7, 1).a, avxvnni);
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>

bool bigru_has_dotprod(void) {
    const unsigned long dotprod = 1UL << 20; /* HWCAP_ASIMDDP */
    return (getauxval(AT_HWCAP) & dotprod) != 0;
}
#elif defined(__APPLE__)
bool bigru_has_dotprod(void) {
    return true; /* Every one of Apple's processors for desktops. */
}
#else
bool bigru_has_dotprod(void) {
    return false;
}
#endif

#endif
