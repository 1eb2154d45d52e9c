// What a layer does between its products, each in one call and each row by itself: its norms, and the gate of its middle.
// Rows of [count, width] begin `step` numbers one after the other; `out` is whole.

#pragma once

#include "number.h"

#include <cmath>
#include <cstdint>

static const int64_t WORTH_WAKING = 16384;  // numbers from which on another thread is worth waking

// Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019. `late`: one more than the weight, and rounded after
// it is multiplied, as Gemma does; else before.
template <typename T>
static void norm_rows(const T* rows, const T* weight, T* out, int64_t count, int64_t width, int64_t step, float eps,
                      bool late) {
#pragma omp parallel for if (count * width >= WORTH_WAKING)
    for (int64_t row = 0; row < count; row++) {
        const T* from = rows + row * step;
        T* to = out + row * width;
        float squares = 0;
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < width; i++) squares += number(from[i]) * number(from[i]);
        float scale = 1 / std::sqrt(squares / float(width) + eps);
        if (late) {
            for (int64_t i = 0; i < width; i++) store(to + i, number(from[i]) * scale * (1 + number(weight[i])));
        } else {
            for (int64_t i = 0; i < width; i++) {
                T normed;
                store(&normed, number(from[i]) * scale);
                store(to + i, number(weight[i]) * number(normed));
            }
        }
    }
}

static inline float sigmoid(float x) {
    float small = exponential(x < 0 ? x : -x);
    return (x < 0 ? small : 1.0f) / (1 + small);
}

static inline float silu(float x) { return x * sigmoid(x); }

// With the tangent of Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016: half of 1 + tanh(y) is sigmoid(2 y).
static inline float gelu(float x) { return x * sigmoid(1.59576912f * (x + 0.044715f * x * x * x)); }

template <float (*act)(float), typename T>
static void gate_rows(const T* gates, const T* rows, T* out, int64_t count, int64_t width, int64_t gates_step,
                      int64_t rows_step) {
#pragma omp parallel for if (count * width >= WORTH_WAKING)
    for (int64_t row = 0; row < count; row++) {
        const T *gate = gates + row * gates_step, *from = rows + row * rows_step;
        T* to = out + row * width;
        for (int64_t i = 0; i < width; i++) {
            T open;
            store(&open, act(number(gate[i])));
            store(to + i, number(open) * number(from[i]));
        }
    }
}
