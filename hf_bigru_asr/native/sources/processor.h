/* Which instructions this processor has beyond the ones that every processor of its kind has. */
#ifndef BIGRU_PROCESSOR_H
#define BIGRU_PROCESSOR_H

#include <stdbool.h>

#if defined(__x86_64__)
/* AVX2 and FMA, and registers of 256 bits that the operating system saves. */
bool bigru_has_avx2(void);
/* AVX-512 F, BW, CD, DQ, VL and VNNI, and registers of 512 bits that the operating system saves. */
bool bigru_has_avx512vnni(void);
/* AVX2, and AVX-VNNI. */
bool bigru_has_avxvnni(void);
#elif defined(__aarch64__)
/* Dot products of bytes (FEAT_DotProd). */
bool bigru_has_dotprod(void);
#endif

#endif
