/* Which levels of x86-64 this processor runs, as the psABI defines them. On arm64 there is one. */
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

static int has_v2(void) {
    unsigned a, b, c, d;
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
           __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") &&
           __get_cpuid(1, &a, &b, &c, &d) && (c & bit_CMPXCHG16B) &&
           __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LAHF_LM);
}

static int has_v3(void) {
    unsigned a, b, c, d;
    /* The compiler's own check of avx2 includes that the system saves the registers. */
    return has_v2() && __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("fma") && __get_cpuid(1, &a, &b, &c, &d) &&
           (c & bit_MOVBE) && (c & bit_F16C) && __get_cpuid(0x80000001, &a, &b, &c, &d) &&
           (c & bit_LZCNT);
}

static int has_v4(void) {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

int processor_runs(const char *level) {
    __builtin_cpu_init();
    if (strcmp(level, "x86-64-v2") == 0)
        return has_v2();
    if (strcmp(level, "x86-64-v3") == 0)
        return has_v3();
    return strcmp(level, "x86-64-v4") == 0 && has_v4();
}

#elif defined(__aarch64__)

int processor_runs(const char *level) { return strcmp(level, "arm64") == 0; }

#else
#error "kernels are compiled for x86-64 and arm64"
#endif
