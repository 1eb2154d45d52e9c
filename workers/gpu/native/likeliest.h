// Of each row of scores the first of the greatest, the logarithm of the sum of all exponentials, and the entropy in nats
// of what these are the logarithms of.
//
// scores: [rows, vocabulary]; tokens, masses, entropies: [rows]. A number that is not one makes its row's mass and entropy
// none.

#pragma once

#include "number.h"

#include <cmath>
#include <cstdint>

template <typename T>
static void likeliest_rows(const T* scores, int64_t rows, int64_t vocabulary, int64_t* tokens, float* masses,
                           float* entropies) {
#pragma omp parallel for
    for (int64_t row = 0; row < rows; row++) {
        const T* score = scores + row * vocabulary;
        float most = -INFINITY;
#pragma omp simd reduction(max : most)
        for (int64_t v = 0; v < vocabulary; v++) most = number(score[v]) > most ? number(score[v]) : most;
        int64_t token = 0;
        while (token + 1 < vocabulary && number(score[token]) != most) token++;
        float total = 0, behind = 0;
        for (int64_t v = 0; v < vocabulary; v++) {
            // What is rarer than e^-87 counts for nothing; without a bound, what is impossible would make nothing of all.
            float back = number(score[v]) - most;
            back = back < -87.0f ? -87.0f : back;
            float power = exponential(back);
            total += power;
            behind += power * back;
        }
        tokens[row] = token;
        masses[row] = most + std::log(total);
        entropies[row] = std::log(total) - behind / total;
    }
}
