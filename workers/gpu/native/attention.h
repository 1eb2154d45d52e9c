// One token a row, attended over its slot: all keys and values are written to the cache first, then each row looks back
// over the positions it may see and no further, so that short slots cost little beside long ones. Rows of one slot at
// several positions see each other so.
//
// query, out: [rows, kv_heads, group, dim]; fresh_keys, fresh_values: [rows, kv_heads, dim];
// keys, values: [slots, kv_heads, length, dim]; slots[row] < 0: the row is padding and its output is zero.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

struct bf16 {
    uint16_t bits;
};

static inline float number(float x) { return x; }

static inline float number(bf16 x) {
    uint32_t bits = uint32_t(x.bits) << 16;
    float number;
    std::memcpy(&number, &bits, 4);
    return number;
}

static inline void store(float* to, float x) { *to = x; }

static inline void store(bf16* to, float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bool nan = (bits & 0x7fffffff) > 0x7f800000;
    to->bits = nan ? 0x7fc0 : uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to the nearest, ties to even
}

template <typename T>
static void attend_head(const T* query, const T* keys, const T* values, T* out, int64_t group, int64_t dim,
                        int64_t first, int64_t last, float scale, float softcap, float* scratch) {
    int64_t seen = last - first + 1;
    float* weights = scratch;
    float* asked = weights + seen;
    float* sum = asked + dim;
    for (int64_t g = 0; g < group; g++) {
        for (int64_t d = 0; d < dim; d++) asked[d] = number(query[g * dim + d]) * scale;
        float most = -INFINITY;
        for (int64_t t = 0; t < seen; t++) {
            const T* key = keys + (first + t) * dim;
            float product = 0;
            for (int64_t d = 0; d < dim; d++) product += asked[d] * number(key[d]);
            if (softcap > 0) product = std::tanh(product / softcap) * softcap;
            weights[t] = product;
            most = product > most ? product : most;
        }
        float total = 0;
        for (int64_t t = 0; t < seen; t++) {
            weights[t] = std::exp(weights[t] - most);
            total += weights[t];
        }
        for (int64_t d = 0; d < dim; d++) sum[d] = 0;
        for (int64_t t = 0; t < seen; t++) {
            const T* value = values + (first + t) * dim;
            float weight = weights[t];
            for (int64_t d = 0; d < dim; d++) sum[d] += weight * number(value[d]);
        }
        for (int64_t d = 0; d < dim; d++) store(out + g * dim + d, sum[d] / total);
    }
}

template <typename T>
static void attend(const T* query, const T* fresh_keys, const T* fresh_values, T* keys, T* values, T* out,
                   const int64_t* slots, const int64_t* positions, int64_t rows, int64_t kv_heads, int64_t group,
                   int64_t length, int64_t dim, int64_t window, float scale, float softcap) {
#pragma omp parallel
    {
        std::vector<float> scratch(length + 2 * dim);
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
