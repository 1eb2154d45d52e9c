// Of each row of scores the first of the greatest, and the logarithm of the sum of all exponentials.
//
// scores: [rows, vocabulary]; tokens, masses: [rows]. A number that is not one makes its row's mass not one.

#pragma once

#include "number.h"

#include <cmath>
#include <cstdint>

template <typename T>
static void likeliest_rows(const T* scores, int64_t rows, int64_t vocabulary, int64_t* tokens, float* masses) {
#pragma omp parallel for
    for (int64_t row = 0; row < rows; row++) {
        const T* score = scores + row * vocabulary;
        float most = -INFINITY;
#pragma omp simd reduction(max : most)
        for (int64_t v = 0; v < vocabulary; v++) most = number(score[v]) > most ? number(score[v]) : most;
        int64_t token = 0;
        while (token + 1 < vocabulary && number(score[token]) != most) token++;
        float total = 0;
        for (int64_t v = 0; v < vocabulary; v++) total += exponential(number(score[v]) - most);
        tokens[row] = token;
        masses[row] = most + std::log(total);
    }
}
