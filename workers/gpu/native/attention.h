// One token a row, attended over its slot: all keys and values are written to the cache first, then each row looks back
// over the positions it may see and no further, so that short slots cost little beside long ones. Rows of one slot at
// several positions see each other so.
//
// query, out: [rows, kv_heads, group, dim]; fresh_keys, fresh_values: [rows, kv_heads, dim];
// keys, values: [slots, kv_heads, length, dim]; slots[row] < 0: the row is padding and its output is zero.

#pragma once

#include "number.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

template <typename T>
static inline float dot(const T* one, const T* other, int64_t dim) {
    float product = 0;
    for (int64_t d = 0; d < dim; d++) product += number(one[d]) * number(other[d]);
    return product;
}

template <typename T>
static inline void add(float* sum, float weight, const T* value, int64_t dim) {
    for (int64_t d = 0; d < dim; d++) sum[d] += weight * number(value[d]);
}

#ifdef __AVX512BF16__
// What is read next, of keys that fill whole cache lines: the rows of a head are short for the processor to foresee.
static const int64_t AHEAD = 24;

template <>
inline float dot(const bf16* one, const bf16* other, int64_t dim) {
    __m512 products = _mm512_setzero_ps();
    int64_t d = 0;
    for (; d + 32 <= dim; d += 32) {
        _mm_prefetch(reinterpret_cast<const char*>(other + AHEAD * dim + d), _MM_HINT_T0);
        products = _mm512_dpbf16_ps(products, (__m512bh)_mm512_loadu_si512(one + d),
                                    (__m512bh)_mm512_loadu_si512(other + d));
    }
    float product = _mm512_reduce_add_ps(products);
    for (; d < dim; d++) product += number(one[d]) * number(other[d]);
    return product;
}

template <>
inline void add(float* sum, float weight, const bf16* value, int64_t dim) {
    __m512 weights = _mm512_set1_ps(weight);
    int64_t d = 0;
    for (; d + 16 <= dim; d += 16) {
        if (d % 32 == 0) _mm_prefetch(reinterpret_cast<const char*>(value + AHEAD * dim + d), _MM_HINT_T0);
        __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(value + d));
        __m512 values = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
        _mm512_storeu_ps(sum + d, _mm512_fmadd_ps(weights, values, _mm512_loadu_ps(sum + d)));
    }
    for (; d < dim; d++) sum[d] += weight * number(value[d]);
}
#endif

template <typename T>
static void attend_head(const T* query, const T* keys, const T* values, T* out, int64_t group, int64_t dim,
                        int64_t first, int64_t last, float scale, float softcap, float* scratch) {
    int64_t seen = last - first + 1;
    float* weights = scratch;
    float* sum = weights + seen;
    keys += first * dim;
    values += first * dim;
    for (int64_t g = 0; g < group; g++) {
        float most = -INFINITY;
        for (int64_t t = 0; t < seen; t++) {
            float product = dot(query + g * dim, keys + t * dim, dim) * scale;
            if (softcap > 0) product = std::tanh(product / softcap) * softcap;
            weights[t] = product;
            most = product > most ? product : most;
        }
        float total = 0;
        for (int64_t t = 0; t < seen; t++) {
            weights[t] = exponential(weights[t] - most);
            total += weights[t];
        }
        for (int64_t d = 0; d < dim; d++) sum[d] = 0;
        for (int64_t t = 0; t < seen; t++) add(sum, weights[t], values + t * dim, dim);
        for (int64_t d = 0; d < dim; d++) store(out + g * dim + d, sum[d] / total);
    }
}

template <typename T>
static void attend(const T* query, const T* fresh_keys, const T* fresh_values, T* keys, T* values, T* out,
                   const int64_t* slots, const int64_t* positions, int64_t rows, int64_t kv_heads, int64_t group,
                   int64_t length, int64_t dim, int64_t window, float scale, float softcap) {
#pragma omp parallel
    {
        std::vector<float> scratch(length + dim);
#pragma omp for
        for (int64_t task = 0; task < rows * kv_heads; task++) {
            int64_t row = task / kv_heads, head = task % kv_heads;
            if (slots[row] < 0) continue;
            int64_t at = ((slots[row] * kv_heads + head) * length + positions[row]) * dim;
            std::memcpy(keys + at, fresh_keys + task * dim, dim * sizeof(T));
            std::memcpy(values + at, fresh_values + task * dim, dim * sizeof(T));
        }
#pragma omp for schedule(dynamic, 4)
        for (int64_t task = 0; task < rows * kv_heads; task++) {
            int64_t row = task / kv_heads, head = task % kv_heads;
            if (slots[row] < 0) {
                std::memset(out + task * group * dim, 0, group * dim * sizeof(T));
                continue;
            }
            int64_t here = positions[row];
            int64_t first = window > 0 && here >= window ? here - window + 1 : 0;
            int64_t start = (slots[row] * kv_heads + head) * length * dim;
            attend_head(query + task * group * dim, keys + start, values + start, out + task * group * dim, group,
                        dim, first, here, scale, softcap, scratch.data());
        }
    }
}
